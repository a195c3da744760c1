"""No password that attackers know is taken, where the operator has a list of them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core import SYSTEM, Crm, Rejected, SetupError
from crm_core.identity import ActivateUser, BreachedPasswords, InviteUser, SetPassword

STRONG = "a lantern over seven harbours"


def hash_of(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


def listed(path: Path, passwords: Collection[str], end: str = "\n") -> BreachedPasswords:
    lines = sorted(f"{hash_of(password)}:{len(password)}" for password in passwords)
    path.write_text(end.join([*lines, ""]) if end == "\n" else end.join(lines), newline="")
    return BreachedPasswords(path)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("breached") / "list"


@given(st.sets(st.text(max_size=20), min_size=1, max_size=60), st.text(max_size=20))
def test_what_is_listed_is_found_and_nothing_else(
    path: Path, passwords: set[str], other: str
) -> None:
    known = listed(path, passwords)
    assert all(known.has(password) for password in passwords)
    assert known.has(other) == (other in passwords)


def test_a_list_from_windows_in_small_letters_is_read_too(path: Path) -> None:
    known = listed(path, [STRONG, "other", "more"], end="\r\n")
    path.write_bytes(path.read_bytes().lower())
    assert [known.has(word) for word in (STRONG, "more", "another")] == [True, True, False]


@pytest.mark.parametrize("text", ["", "\n", "password\n", "A" * 39 + "\n", "A" * 200, "G" * 40])
def test_what_is_no_list_is_said_at_once(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(SetupError, match=r"passwords\.bad_list"):
        BreachedPasswords(path)


def test_no_list_is_no_good_news(path: Path) -> None:
    known = listed(path, ["other"])
    path.unlink()
    with pytest.raises(SetupError, match=r"passwords\.bad_list"):
        known.has(STRONG)


async def test_a_strong_password_that_is_known_is_refused(path: Path) -> None:
    async with Crm.in_memory(breached=listed(path, [STRONG])) as crm:
        user_id = uuid4()
        invite = InviteUser(user_id=user_id, name="Ada", email="ada@example.com")
        await crm.execute(invite, SYSTEM)
        await crm.execute(ActivateUser(user_id=user_id), SYSTEM)
        with pytest.raises(Rejected, match=r"user\.breached_password"):
            await crm.execute(SetPassword(user_id=user_id, password=STRONG), SYSTEM)
        other = STRONG.replace("seven", "eight")
        await crm.execute(SetPassword(user_id=user_id, password=other), SYSTEM)
