"""The bulk operation: an export or an import that goes on by itself until it is done."""
