"""All that the ledger knows of a record, in one file that proves itself offline.

case.json                           what is in it, with the digest of every file
case.sig                            the log's signature over case.json
proofs/000000000042.tlog-proof      each event with its proof (C2SP tlog-proof)
rights.json                         what each actor was allowed to do, at each of the events
reads.json                          who read the records in it, as far as that was recorded
index.html                          to be read: no script, no network
crm_verify.py                       the verifier
"""
