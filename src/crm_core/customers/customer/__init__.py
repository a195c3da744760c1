"""The customer: one organisation or one person."""
