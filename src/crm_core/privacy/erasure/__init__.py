"""The erasure: a request to forget a person or an organisation, and the proof that it was done."""
