"""The tenant itself: let in, kept out."""
