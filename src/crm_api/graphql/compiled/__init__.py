"""Queries as one SQL statement each, whose JSON is the answer; resolvers fill what it leaves."""
