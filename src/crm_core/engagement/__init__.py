"""Engagement: what was said and done between us and a customer, and what is still to do."""
