"""What a password must withstand, without asking anybody outside."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from crm_core.identity.passwords import _DECOY, check_strength, hash_of, is_right
from crm_core.kernel.errors import Rejected


def test_no_common_password_is_strong_enough() -> None:
    common = FREQUENCY_LISTS["passwords"]
    tried = [*common[:1_000], *(word for word in common[:10_000] if len(word) >= 9)]
    assert len(tried) > 1_200
    for word in tried:
        with pytest.raises(Rejected, match=r"user\.weak_password"):
            check_strength(word, ())


@pytest.mark.parametrize(
    ("password", "known"),
    [
        ("luxemburg-sales-nordlys", ("Rosa Luxemburg", "rosa@nordlys.example", "sales")),
        ("Nordlys Shipping 2026", ("Nordlys Shipping AS",)),
    ],
)
def test_words_of_the_organisation_make_no_password(password: str, known: tuple[str, ...]) -> None:
    check_strength(password, ())
    with pytest.raises(Rejected):
        check_strength(password, known)


@pytest.mark.parametrize("known", ["Rosa Luxemburg", "rosa.luxemburg@example.com"])
def test_what_an_attacker_knows_of_the_user_makes_no_password(known: str) -> None:
    with pytest.raises(Rejected):
        check_strength(known.lower(), (known,))
    check_strength("a lantern over seven harbours", (known,))


def test_an_unknown_user_takes_as_much_work_as_a_known_one() -> None:
    """The same parameters, and a hash that is whole: it is computed, and then not equal."""
    known = hash_of("a lantern over seven harbours")
    assert extract_parameters(_DECOY) == extract_parameters(known)
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(_DECOY, "a lantern over seven harbours")
    assert not is_right("a lantern over seven harbours", None)
    assert is_right("a lantern over seven harbours", known)
