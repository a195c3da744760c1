"""Identity: who uses the CRM, how they prove it, and their roles."""
