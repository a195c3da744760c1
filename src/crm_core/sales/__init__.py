"""Sales: the products, the pipelines, and the opportunities that move through them."""
