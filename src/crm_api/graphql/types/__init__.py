"""What can be read: a file for each kind of record."""
