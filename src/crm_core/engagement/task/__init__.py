"""The task: something that somebody has to do by a moment."""
