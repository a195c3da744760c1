"""The role: a name for a set of rules."""
