"""The session: a user who is signed in somewhere."""
