"""The GraphQL schema: types over the read models, one mutation a command, one feed of events."""
