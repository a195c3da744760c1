"""Those whose word on who somebody is counts: OpenID providers, and issuers of tokens."""
