"""What lists take: filters and orders, a file for each kind of record."""
