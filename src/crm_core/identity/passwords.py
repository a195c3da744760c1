"""Passwords: how strong they must be, and their argon2id hashes (RFC 9106, for little memory)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn import zxcvbn

from crm_core.kernel.errors import Rejected

__all__ = ["check_strength", "hash_of", "is_right"]

_PROFILE = profiles.RFC_9106_LOW_MEMORY
_HASHER = PasswordHasher.from_parameters(_PROFILE)
_SALT_CHARACTERS, _HASH_CHARACTERS = 22, 43  # base64 of 16 and 32 bytes
# Of no password: zeros. It is written down and not made, which would take as long as a sign-in.
_DECOY = (
    f"$argon2id$v={_PROFILE.version}$m={_PROFILE.memory_cost},t={_PROFILE.time_cost}"
    f",p={_PROFILE.parallelism}${'A' * _SALT_CHARACTERS}${'A' * _HASH_CHARACTERS}"
)
_SCORE_MIN = 3  # of 4: safe from offline guessing of a slow hash (Wheeler, USENIX Security 2016)
_WORD = re.compile(r"\w{4,}")  # shorter ones are in many words
_JUDGED_LENGTH = 72  # the library's work grows faster than the length


def check_strength(password: str, known: Iterable[str]) -> None:
    """Raises Rejected `user.weak_password` for one that is soon guessed; asks nobody outside.

    `known`: what an attacker knows of the user, such as the name and the address. Their words add
    nothing to a password: what is left without them must be strong by itself.
    """
    words = {word for text in known for word in (text, *_WORD.findall(text)) if len(word) >= 4}
    left = password[:_JUDGED_LENGTH]
    for word in sorted(words, key=len, reverse=True):
        left = re.sub(re.escape(word), "", left, flags=re.IGNORECASE)
    score = zxcvbn(left, user_inputs=sorted(words))["score"] if left else 0
    if score < _SCORE_MIN:
        raise Rejected("user.weak_password", score=score, score_min=_SCORE_MIN)


def hash_of(password: str) -> str:
    return _HASHER.hash(password)


def is_right(password: str, password_hash: str | None) -> bool:
    """Takes as long for an unknown user (None) as for a known one, so that timing tells nothing."""
    try:
        _HASHER.verify(password_hash or _DECOY, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return password_hash is not None
