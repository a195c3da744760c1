"""What can be changed: every command as a mutation, generated from its fields."""
