"""Personal data: a key per subject, and the sealing of fields under it.

Root key → wraps tenant keys → wrap subject keys → seal fields. Destroying a subject's key makes
every field sealed under it unreadable, everywhere and for ever; nothing else is touched.
"""
