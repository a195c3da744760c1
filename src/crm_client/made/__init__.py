"""Written by `make client`; nothing here is edited."""
