"""Who are our customers, and what is known of each? One row a customer."""
