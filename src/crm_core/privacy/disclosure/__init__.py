"""The disclosure: a copy of personal data that left, and can be called back."""
