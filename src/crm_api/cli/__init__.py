"""The command line: `crm --help`."""

from __future__ import annotations

from crm_api.cli.main import app

__all__ = ["app"]
