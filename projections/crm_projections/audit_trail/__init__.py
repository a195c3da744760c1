"""Who did what, when, and because of what? One row an event, without its data."""
