"""The ticket: one question, request, incident, complaint or return of a customer."""
