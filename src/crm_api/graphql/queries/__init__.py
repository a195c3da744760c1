"""The root fields, a file for each kind of record."""
