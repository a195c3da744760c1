"""What has happened with a customer, over all its records? One row an event about a customer."""
