"""The product: a thing that is sold, under a code, at a list price."""
