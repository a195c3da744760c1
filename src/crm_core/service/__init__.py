"""Service: what customers ask for, who answers it, and what came of it."""
