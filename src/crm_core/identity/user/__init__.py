"""The user: a person who signs in."""
