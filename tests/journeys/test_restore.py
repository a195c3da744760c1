"""The restore drill: a backup, brought back into an empty database, is the same ledger."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from crm_core import SetupError
from crm_core.backup.restoring import checked_backup
from crm_projections.registry import all_projections

from .conftest import Crm

BETWEEN_THE_TWO: list[datetime] = []

Target = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="module")
def backup(crm: Crm, place: Path) -> Path:
    """Of a ledger with two users and the note that it leaves; a third user came after it."""
    added(crm, "anna")
    BETWEEN_THE_TWO.append(datetime.now(UTC))
    added(crm, "bert")
    folder = place.parent / "backup"
    said = crm("backup", str(folder))
    assert said.returncode == 0, said.stderr
    assert "positions 1 to 9" in said.stdout
    assert (folder.stat().st_mode & 0o077) == 0, "the keys are nobody else's business"
    added(crm, "carl")
    return folder


def added(crm: Crm, name: str) -> None:
    said = crm("user", "add", f"{name}@example.com", "--name", name.title(), "--role", "sales",
               CRM_NEW_PASSWORD="a long enough password")  # fmt: skip
    assert said.returncode == 0, said.stderr


@pytest.fixture
def elsewhere(crm: Crm, place: Path) -> Iterator[Target]:
    """Runs a command on an empty data folder, with the keys that are kept outside of databases."""
    folder = place.parent / "elsewhere"
    keys = {"CRM_ROOT_KEY_FILE": place / "root.key", "CRM_AUDIT_KEY_FILE": place / "audit.key"}

    def run(*arguments: str, **more: str) -> CompletedProcess[str]:
        given = {name: str(path) for name, path in keys.items()}
        return crm(*arguments, **given | {"CRM_DATA_DIR": str(folder)} | more)

    yield run
    shutil.rmtree(folder, ignore_errors=True)


def test_the_whole_backup_is_the_same_ledger_with_the_same_read_models(
    crm: Crm, backup: Path, elsewhere: Target
) -> None:
    said = elsewhere("restore", str(backup))
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Restored positions 1 to 9" in said.stdout
    assert "DIFFERENT" not in said.stdout
    assert said.stdout.count("equal") == len(all_projections()) + 1, "and the root"
    told = [run("history", "bert@example.com").stdout for run in (crm, elsewhere)]
    assert told[0] == told[1] != ""
    assert "Bert" in told[1], "personal fields open"
    assert elsewhere("history", "carl@example.com").returncode == 1, "he came after the backup"
    again = elsewhere("restore", str(backup))
    assert again.stderr.startswith("backup.target_not_empty")


def test_an_earlier_place_is_restored_and_it_says_what_is_left_out(
    backup: Path, elsewhere: Target
) -> None:
    said = elsewhere("restore", str(backup), "--to", "5")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Restored positions 1 to 5" in said.stdout
    assert "Positions 6 to 9 were left out." in said.stdout
    assert "DIFFERENT" not in said.stdout
    assert re.search(r"│ 5 .*invited", elsewhere("history", "bert@example.com").stdout)


def test_an_earlier_moment_is_restored_as_well(backup: Path, elsewhere: Target) -> None:
    said = elsewhere("restore", str(backup), "--to", BETWEEN_THE_TWO[0].isoformat())
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Restored positions 1 to 4" in said.stdout
    assert "DIFFERENT" not in said.stdout
    assert elsewhere("history", "bert@example.com").returncode == 1


def test_what_lies_beyond_the_backup_or_is_not_what_was_signed_is_refused(
    backup: Path, elsewhere: Target, tmp_path: Path
) -> None:
    assert elsewhere("restore", str(backup), "--to", "10").stderr.startswith("backup.beyond")
    spoilt = spoiled(backup, tmp_path / "spoilt", change_the_root)
    said = elsewhere("restore", str(spoilt))
    assert said.stderr.startswith("backup.not_what_was_signed")


def spoiled(backup: Path, copy: Path, spoil: Callable[[Path], None]) -> Path:
    shutil.copytree(backup, copy)
    spoil(copy)
    return copy


def test_what_must_not_be_restored_is_refused_before_anything_is_written(
    backup: Path, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    assert checked_backup(backup, None, now).tenants
    for code, spoil in {
        "backup.file_changed": flip_a_bit, "backup.keys_expired": let_expire,
        "backup.other_release": forget_a_migration, "backup.manifest_broken": break_the_manifest,
        "backup.file_missing": lose_the_keys,
    }.items():  # fmt: skip
        with pytest.raises(SetupError) as refused:
            checked_backup(spoiled(backup, tmp_path / code, spoil), None, now)
        assert refused.value.code == code


def test_a_backup_under_another_root_key_leaves_nothing_behind(
    backup: Path, elsewhere: Target, tmp_path: Path, crm: Crm
) -> None:
    other = tmp_path / "other.key"
    other.write_text(crm("new-root-key").stdout)
    said = elsewhere("restore", str(backup), CRM_ROOT_KEY_FILE=str(other))
    assert said.stderr.startswith("backup.other_root_key")
    assert elsewhere("restore", str(backup)).returncode == 0, "nothing stays, keys or events"


def test_keys_whose_time_is_over_are_destroyed_and_restore_says_so(
    crm: Crm, backup: Path, place: Path
) -> None:
    folder, keys = place.parent / "old", place.parent / "apart" / "old.keys"
    assert crm("backup", str(folder), "--keys", str(keys), "--keys-days", "1").returncode == 0
    said = crm("keys", "prune", str(backup), str(keys.parent))
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("kept") == 2
    label = keys.with_name("old.keys.label")
    label.write_text(json.dumps(json.loads(label.read_text()) | LONG_AGO))
    let_expire(folder)
    said = crm("keys", "prune", str(keys.parent))
    assert said.stdout.endswith("destroyed\n"), said.stderr
    assert list(keys.parent.iterdir()) == []
    assert "disclosure.destroyed" in crm("audit", "search", "disclosure.destroyed").stdout
    with pytest.raises(SetupError, match=r"backup\.keys_expired"):
        checked_backup(folder, keys, datetime.now(UTC))
    assert crm("keys", "prune", str(keys.parent)).stdout == "There are no copies of keys.\n"


def test_each_tenants_auditor_sees_that_its_keys_left_and_that_they_are_gone(
    crm: Crm, backup: Path, place: Path
) -> None:
    second = {"CRM_TENANT": "second"}
    said = crm("user", "add", "dora@example.com", "--name", "Dora", "--role", "sales",
               CRM_NEW_PASSWORD="a long enough password", **second)  # fmt: skip
    assert said.returncode == 0, said.stderr
    folder, keys = place.parent / "of-both", place.parent / "of-both-keys" / "both.keys"
    assert crm("backup", str(folder), "--keys", str(keys)).returncode == 0
    made = crm("audit", "search", "disclosure.made", **second)
    assert "disclosure.made" in made.stdout, made.stderr
    assert "disclosure.destroyed" not in crm("audit", "search", "disclosure", **second).stdout

    label = keys.with_name("both.keys.label")
    label.write_text(json.dumps(json.loads(label.read_text()) | LONG_AGO))
    assert crm("keys", "prune", str(keys.parent)).stdout.endswith("destroyed\n")
    gone = crm("audit", "search", "disclosure.destroyed", **second)
    assert "disclosure.destroyed" in gone.stdout, gone.stderr


LONG_AGO = {"expires_at": "2020-01-01T00:00:00Z"}


def flip_a_bit(folder: Path) -> None:
    path = folder / "log.dump"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def let_expire(folder: Path) -> None:
    edited(folder, keys_expire_at="2020-01-01T00:00:00Z")


def forget_a_migration(folder: Path) -> None:
    edited(folder, migrations=["0001_ledger.sql"])


def break_the_manifest(folder: Path) -> None:
    edited(folder, tenants=[])


def lose_the_keys(folder: Path) -> None:
    (folder / "keys.dump").unlink()


def change_the_root(folder: Path) -> None:
    """The manifest is only believed as far as the events bear it out."""
    tenants = json.loads((folder / "manifest.json").read_text())["tenants"]
    for mark in tenants.values():
        mark["root"] = "00" * 32
    edited(folder, tenants=tenants)


def edited(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
