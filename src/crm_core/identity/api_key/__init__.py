"""The API key: what a program signs in with."""
