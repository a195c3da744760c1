"""Queries as one SQL statement each, whose JSON is the answer; what is not covered is refused."""
