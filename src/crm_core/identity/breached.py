"""Passwords that are known to attackers, by a file that the operator keeps.

Each of its lines begins with the SHA-1 of a password in hexadecimal, and they are in the order of
the hashes; so Have I Been Pwned gives its list away. It may be larger than the memory: a password
is looked up by halves, in some thirty short reads.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Protocol

from crm_core.kernel.errors import SetupError

__all__ = ["BreachedPasswords", "KnownPasswords"]

_LINE_MAX = 100  # bytes
_DIGITS = frozenset(b"0123456789ABCDEF")


class KnownPasswords(Protocol):
    """Passwords that nobody may choose."""

    def has(self, password: str) -> bool: ...


class BreachedPasswords:
    """Opens the file for each look, so that a newer one may take its place at any time."""

    def __init__(self, path: Path) -> None:
        """Raises SetupError `passwords.bad_list` where the file is no such list."""
        self._path = path
        self.has("")

    def has(self, password: str) -> bool:
        """Raises SetupError `passwords.bad_list` where the file cannot be read, or not any more."""
        digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False)
        try:
            with self._path.open("rb") as file:
                return _is_in(file, digest.hexdigest().upper().encode())
        except (OSError, ValueError) as error:
            raise SetupError(
                "passwords.bad_list",
                "give each line of the file the SHA-1 of a password in hexadecimal, in their order,"
                " or leave CRM_BREACHED_PASSWORDS out",
            ) from error


def _is_in(file: BinaryIO, wanted: bytes) -> bool:
    """Raises ValueError at a line that has no hash."""
    low, high = 0, file.seek(0, os.SEEK_END)  # its line begins here or later; before there
    if high == 0:
        raise ValueError("it is empty")
    while low < high:
        begin = _line_at(file, (low + high) // 2)
        file.seek(begin)
        line = file.readline(_LINE_MAX)
        found = line[: len(wanted)].upper()
        if len(found) < len(wanted) or not _DIGITS.issuperset(found):
            raise ValueError("no hash")
        if found == wanted:
            return True
        if found < wanted:
            low = begin + len(line)
        else:
            high = begin
    return False


def _line_at(file: BinaryIO, place: int) -> int:
    """Where the line begins that has the byte at this place."""
    start = max(0, place - _LINE_MAX)
    file.seek(start)
    before = file.read(place - start)
    newline = before.rfind(b"\n")
    if newline < 0 and start > 0:
        raise ValueError("a line is too long")
    return start + newline + 1
