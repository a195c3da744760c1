"""A database taken away and brought back, on top of PostgreSQL's own tools.

    manifest.json   position, root and checkpoint of every tenant; the digest of each file
    log.dump        everything but keys, read models and stored states (pg_dump, custom format)
    keys.dump       the wrapped keys, to be kept apart from the log, and not for ever
    keys.dump.label until when, for whoever destroys them then (`key_dumps`)

Both dumps are of one moment, whatever is written meanwhile.
"""
