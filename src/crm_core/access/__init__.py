"""Who may do what: one function, `rights.Rights.allow`, on every path."""
