"""What can be read: a file for each kind of record, with its filters, its order and its queries."""
