"""Foreign files in: every row becomes commands, and every row that was not taken as it is, a note.

A file is read and checked whole before the first command. Each command has an id that is derived
from its row, so an import that was killed is simply run again: what was done is not done twice.
"""
