"""The CRM served: GraphQL over HTTP and websockets, signing in, bulk files, a command line."""
