"""The command line: `crm --help`."""
