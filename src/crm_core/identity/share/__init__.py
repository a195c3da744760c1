"""The share: one record opened to one user or team."""
