"""An export is whole, resumable, incremental, and is read back as it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from crm_core import Rejected
from crm_core.audit import export as module
from crm_core.audit.crm_verify import Finding, Folder, verify_export
from crm_core.audit.export import Export, export
from crm_core.audit.integrator import Integrator
from crm_core.audit.log import AuditLog
from crm_core.ledger.postgres.ledger import PostgresLedger

from .conftest import fill
from .events import TENANT, made_event


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEGMENT_EVENTS", 100)


async def signed(audit: AuditLog, ledger: PostgresLedger, first: int, last: int) -> list[str]:
    await fill(ledger, first, last)
    await Integrator(audit).turn()
    return [str(key) for key in audit.verifiers(TENANT)]


def ran(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The verifier as it lies in the export, by a Python that sees nothing of ours."""
    command = [sys.executable, "-I", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


async def test_an_export_is_checked_by_the_script_beside_it(
    audit: AuditLog, ledger: PostgresLedger, tmp_path: Path
) -> None:
    (key,) = await signed(audit, ledger, 1, 250)
    folder = tmp_path / "export"
    await export(audit, TENANT, folder)
    script = folder / "crm_verify.py"
    good = ran(script, folder, "--key", key, "--jobs", 2)
    assert good.returncode == 0, good.stderr
    assert "events     1 to 250" in good.stdout
    assert "[OK]" in good.stdout
    unvouched = ran(script, folder)
    assert unvouched.returncode == 3
    assert "nobody vouches" in unvouched.stdout
    lines = folder / "events" / "000000000101.ndjson"
    lines.write_bytes(lines.read_bytes().replace(b'"actorid":"crm"', b'"actorid":"eve"', 7))
    bad = ran(script, folder, "--key", key)
    assert bad.returncode == 1
    assert "position 101: the event is not the one that was signed" in bad.stderr
    assert ran(script, tmp_path / "nowhere", "--key", key).returncode == 2
    assert ran(script, "--help").returncode == 0
    assert "crm_core" not in "".join(
        line for line in script.read_text().splitlines() if "import" in line
    )


async def test_a_later_export_goes_on_where_an_earlier_one_ended(
    audit: AuditLog, ledger: PostgresLedger, tmp_path: Path
) -> None:
    keys = await signed(audit, ledger, 1, 250)
    await export(audit, TENANT, tmp_path / "first")
    with pytest.raises(Rejected, match=r"export\.nothing_new"):
        await export(audit, TENANT, tmp_path / "none", after=250)
    await signed(audit, ledger, 251, 430)
    await export(audit, TENANT, tmp_path / "second", after=250)
    seen = (tmp_path / "first" / "checkpoint").read_text()
    verdict = verify_export(Folder(tmp_path / "second"), keys, [seen])
    assert (verdict.manifest.after, verdict.checkpoint.size) == (250, 430)
    with pytest.raises(Finding, match=r"position 251: .*export\.rolled_back"):
        verify_export(
            Folder(tmp_path / "first"), keys, [(tmp_path / "second" / "checkpoint").read_text()]
        )


async def test_an_export_that_was_broken_off_goes_on(
    audit: AuditLog, ledger: PostgresLedger, tmp_path: Path
) -> None:
    keys = await signed(audit, ledger, 1, 250)
    folder = tmp_path / "export"

    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 200:
            raise Stop

    with pytest.raises(Stop):
        await export(audit, TENANT, folder, progress=stop)
    assert not (folder / "manifest.json").exists()
    written = (folder / "events" / "000000000001.ndjson").stat().st_mtime_ns
    await signed(audit, ledger, 251, 260)
    with pytest.raises(Rejected, match=r"export\.other"):
        await export(audit, TENANT, folder, after=5)
    manifest = await export(audit, TENANT, folder)
    assert manifest.size == 250
    assert (folder / "events" / "000000000001.ndjson").stat().st_mtime_ns == written
    verify_export(Folder(folder), keys)
    with pytest.raises(Rejected, match=r"export\.exists"):
        await export(audit, TENANT, folder)


async def test_a_folder_with_other_things_in_it_is_left_alone(
    audit: AuditLog, ledger: PostgresLedger, tmp_path: Path
) -> None:
    await signed(audit, ledger, 1, 2)
    (tmp_path / "mine").write_text("x")
    with pytest.raises(Rejected, match=r"export\.folder_in_use"):
        await export(audit, TENANT, tmp_path)


async def test_what_was_exported_is_read_back(
    audit: AuditLog, ledger: PostgresLedger, tmp_path: Path
) -> None:
    await signed(audit, ledger, 1, 250)
    await export(audit, TENANT, tmp_path / "export")
    held = Export(tmp_path / "export")
    read = [event async for page in held.pages(240) for event in page]
    assert read == [made_event(position) for position in range(1, 241)]
    assert held.event_at(123) == made_event(123)
    assert held.keys() is None
    with pytest.raises(Rejected, match=r"export\.unreadable"):
        Export(tmp_path)
