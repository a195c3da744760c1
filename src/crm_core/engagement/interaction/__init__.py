"""The interaction: one e-mail, call, chat, meeting, visit, message or note."""
