"""Numbered SQL files: each runs once, in order, and is never edited after a release."""
