"""The auditor's guide does what it says: its commands are run, in order, by a shell."""

from __future__ import annotations

import http.server
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crm_projections.registry import all_projections

from .conftest import Crm, environment

GUIDE = Path(__file__).parents[2] / "docs/guides/auditing.md"


@pytest.fixture(scope="module")
def company(crm: Crm) -> None:
    said = crm("user", "add", "anna@example.com", "--name", "Anna", "--role", "admin",
               CRM_NEW_PASSWORD="a long enough password")  # fmt: skip
    assert said.returncode == 0, said.stderr


@pytest.fixture(scope="module")
def shell(place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder, and an environment in which `crm` and `python3` are ours."""
    folder = tmp_path_factory.mktemp("auditor")
    bin_ = folder / "bin"
    bin_.mkdir()
    for name, code in (("crm", " -c 'from crm_api.cli.main import app; app()'"), ("python3", "")):
        (bin_ / name).write_text(f'#!/bin/sh\nexec {sys.executable}{code} "$@"\n')
        (bin_ / name).chmod(0o755)
    made = environment(place)
    return folder, made | {"PATH": f"{bin_}:{made['PATH']}"}


def run(shell: tuple[Path, dict[str, str]], script: str) -> subprocess.CompletedProcess[str]:
    folder, env = shell
    return subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=env, text=True,
                          capture_output=True, check=False, timeout=300)  # fmt: skip


def test_the_guide_leads_from_doubt_to_proof(
    company: None, shell: tuple[Path, dict[str, str]]
) -> None:
    steps = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(steps) == 8
    said = [run(shell, step) for step in steps]
    for step, outcome in zip(steps, said, strict=True):
        assert outcome.returncode == 0, f"{step}\n{outcome.stdout}\n{outcome.stderr}"
    kept, history, why, whole, one, case, all_of_it, replayed = [step.stdout for step in said]
    assert "Published" in kept
    assert re.search(r"│ 3 .*role", history), history
    assert "because of the event identity.user.role_granted, position 3" in why, why
    assert re.search(r"│ 3 .*system crm .*identity\.user\.role_granted", why), why
    assert "OK" in whole
    assert "[OK]    it is in the" in one
    assert "[OK]    all of the file is what the log's key signed" in case
    assert "[OK]    nothing was changed" in all_of_it
    assert "continues 1 checkpoint(s) that you kept" in all_of_it
    assert replayed.count("equal") == len(all_projections()) + 1, "and the root"
    assert "DIFFERENT" not in replayed


def test_a_kept_checkpoint_is_continued_by_what_is_signed_now(
    shell: tuple[Path, dict[str, str]],
) -> None:
    grown = run(
        shell,
        "CRM_NEW_PASSWORD='a long enough password' crm user add eve@example.com --name Eve"
        " --role sales\n"
        'crm audit consistency "$(sed -n 2p kept.checkpoint)" > growth.proof\n'
        'python3 ledger/crm_verify.py growth.proof --key "$(head -n 1 keys.txt)"'
        " --seen kept.checkpoint",
    )
    assert "signed continue it" in grown.stdout, grown.stderr
    none_kept = run(shell, 'python3 ledger/crm_verify.py growth.proof --key "$(cat keys.txt)"')
    assert none_kept.returncode == 2


def test_keys_beside_an_export_come_to_an_end_and_the_export_stays_whole(
    shell: tuple[Path, dict[str, str]],
) -> None:
    folder, _ = shell
    keys, label = (folder / f"ledger-with-keys.keys{end}" for end in ("", ".label"))
    assert keys.stat().st_mode & 0o077 == 0
    assert "kept" in run(shell, "crm keys prune .").stdout
    label.write_text(label.read_text().replace('"expires_at": "20', '"expires_at": "19'))
    refused = run(shell, "crm replay --from ledger-with-keys")
    assert refused.stderr.startswith("backup.keys_expired")
    assert "destroyed" in run(shell, "crm keys prune .").stdout
    assert not keys.exists()
    assert "disclosure.destroyed" in run(shell, "crm audit search disclosure.destroyed").stdout
    whole = run(
        shell, "python3 ledger-with-keys/crm_verify.py ledger-with-keys --key $(cat keys.txt)"
    )
    assert whole.returncode == 0, whole.stdout + whole.stderr


def test_an_export_that_was_touched_is_not_replayed(shell: tuple[Path, dict[str, str]]) -> None:
    folder, _ = shell
    lines = folder / "ledger-with-keys" / "events" / "000000000001.ndjson"
    lines.write_bytes(lines.read_bytes().replace(b"SYSTEM", b"SYSTEN", 1))
    said = run(shell, "crm replay --from ledger-with-keys")
    assert said.returncode == 1
    assert said.stderr.startswith("export.broken")
    assert "position 1:" in said.stderr


def test_a_checkpoint_is_put_to_a_place_that_takes_it(
    company: None, shell: tuple[Path, dict[str, str]]
) -> None:
    taken: list[bytes] = []

    class Taker(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            taken.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        said = run(shell, f"crm audit publish http://127.0.0.1:{port}/note")
        server.shutdown()
    assert said.returncode == 0, said.stderr
    assert taken[0].decode().startswith("crm/")
    refused = run(shell, "crm audit publish http://example.com/note")
    assert refused.returncode == 1
    assert refused.stderr.startswith("audit.unknown_place")
