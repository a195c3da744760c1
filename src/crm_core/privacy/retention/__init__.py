"""The retention policy: how long a record is kept after the last that happened about it."""
