"""The routes: GraphQL over HTTP and websockets, signing in, health, and the page to try it all."""
