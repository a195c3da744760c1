"""The team: people who work together, below another team perhaps."""
