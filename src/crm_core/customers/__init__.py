"""Customers: organisations and people, how to reach them, and what they consented to."""
