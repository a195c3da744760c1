"""From foreign files to an auditor's proof, in a terminal."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from crm_projections.registry import PROJECTIONS

from .conftest import COMMAND, Crm, environment

HEADERS = {
    "accounts.csv": "account,sector,year_established,revenue,employees,office_location,"
    "subsidiary_of",
    "products.csv": "product,series,sales_price",
    "sales_teams.csv": "sales_agent,manager,regional_office",
    "sales_pipeline.csv": "opportunity_id,sales_agent,product,account,deal_stage,engage_date,"
    "close_date,close_value",
}
DEALS = 6_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sales data set with enough deals that an import of it can be killed half-way."""
    made = tmp_path_factory.mktemp("sales")
    rows = {
        "accounts.csv": ["Acme,technolgy,1996,1100.04,2822,Kenya,"],
        "products.csv": ["GTX Pro,GTX,4821"],
        "sales_teams.csv": ["Anna,Dustin,Central"],
        "sales_pipeline.csv": [
            f"O{n},Anna,GTX Pro,Acme,Won,2016-10-20,2017-03-01,{n}" for n in range(DEALS)
        ],
    }
    for name, header in HEADERS.items():
        (made / name).write_text("\n".join([header, *rows[name]]) + "\n")
    return made


def events_in(said: str) -> int:
    found = re.search(r"([\d,]+) events in", said)
    assert found is not None, said
    return int(found[1].replace(",", ""))


def test_an_import_that_is_killed_is_finished_by_the_next_one(
    crm: Crm, place: Path, folder: Path
) -> None:
    command = [*COMMAND, "import", "sales", str(folder)]
    with subprocess.Popen(
        command,
        env=environment(place),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as importing:
        deadline = time.monotonic() + 60
        # The import must own the server: another command would take it along when it ends.
        while not (place / "owner.lock").exists() or not (place / "postgres").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        while head_of(crm) < 2_000 and importing.poll() is None and time.monotonic() < deadline:
            pass
        importing.send_signal(signal.SIGKILL)
    before = head_of(crm)
    assert before > 0
    second = crm("import", "sales", str(folder))
    assert second.returncode == 0, second.stderr
    assert '"technolgy" is "technology"' in second.stdout
    wanted = 2 + 1 + 2 + 1 + 3 * DEALS  # account, product, users, pipeline, deals
    assert before + events_in(second.stdout) == wanted
    third = crm("import", "sales", str(folder))
    assert events_in(third.stdout) == 0


def head_of(crm: Crm) -> int:
    status = crm("projections", "status")
    rows = [re.findall(r"[\d,]+", line) for line in status.stdout.splitlines() if "audit" in line]
    return int(rows[0][2].replace(",", "")) if rows else 0


def test_a_record_tells_its_history(crm: Crm) -> None:
    said = crm("history", "crm-sales-opportunities:O7")
    assert said.returncode == 0, said.stderr
    assert re.search(r"opened.*external_id_linked.*\bwon\b", said.stdout, re.DOTALL)
    assert "2016-10-20" in said.stdout


def test_a_record_is_compared_with_what_it_was(crm: Crm) -> None:
    said = crm("diff", "crm-sales-opportunities:O7", "v2", "2999-01-01")
    assert said.returncode == 0, said.stderr
    assert re.search(r"status\s+│ \"OPEN\"\s+│ \"WON\".*won, 2017-03-01", said.stdout)
    on_that_day = crm(
        "diff", "crm-sales-opportunities:O7", "2017-02-01", "2017-03-02", "--effective"
    )
    assert '"WON"' in on_that_day.stdout


def test_a_report_is_shown_as_a_table_and_drawn(crm: Crm) -> None:
    said = crm("report", "figures", "--by", "owner", "--where", "source=crm-sales-opportunities")
    assert said.returncode == 0, said.stderr
    assert re.search(rf"Anna.*USD.*{DEALS:,}.*100\.0%.*█", said.stdout)
    before = crm("report", "pipeline", "--effective-at", "2017-02-01", "--vega-lite")
    values = json.loads(before.stdout)["data"]["values"]
    assert [(value["stage"], value["status"]) for value in values] == [("Engaging", "OPEN")]
    change = crm("report", "pipeline-diff", "--since", "2017-02-01", "--effective-at", "2017-04-01")
    assert re.search(rf"WON.*{DEALS:,}.*-{DEALS:,}", change.stdout)
    assert "pipeline-diff" in crm("report").stdout


def test_a_replay_reproduces_every_read_model(crm: Crm) -> None:
    said = crm("replay", "--to", "5000")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Replayed to position 5,000." in said.stdout
    assert said.stdout.count("equal") == len(PROJECTIONS) + 1, "and the root"
    assert "DIFFERENT" not in said.stdout


def test_a_rebuilt_read_model_has_the_same_digest(crm: Crm) -> None:
    digests = [crm("projections", "rebuild", "sales_pipeline").stdout for _ in range(2)]
    assert digests[0] == digests[1]
    assert re.fullmatch(r"sales_pipeline  [0-9a-f]{64}\n", digests[0])


def test_two_processes_prove_that_every_read_model_is_what_the_events_say(crm: Crm) -> None:
    said = crm("projections", "verify", "--workers", "2")
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count("equal") == len(PROJECTIONS)


def test_a_rebuild_is_taken_back_by_one_command(crm: Crm) -> None:
    assert crm("projections", "rebuild", "ticket_queue", "--workers", "2").returncode == 0
    back = crm("projections", "rollback", "ticket_queue")
    assert re.search(r"serves generation \d+ \(version 2\) again", back.stdout), back.stderr
    assert crm("projections", "drop-kept", "ticket_queue").returncode == 0
    nothing = crm("projections", "rollback", "ticket_queue")
    assert (nothing.returncode, nothing.stderr.split()[0]) == (1, "projection.nothing_kept")


CARELESS = """
from uuid import UUID
from crm_projections.projection import Projection
from crm_projections.tables import Row, Table

class SeenRow(Row, frozen=True, kw_only=True):
    position: int

SEEN = Table("seen", SeenRow, key=("position",))

class Careless(Projection):
    name = "careless"
    tables = (SEEN,)
    by_stream = True
    envelope_only = True

    def needs(self, event):
        return ()

    def apply(self, event, rows):
        if event.position == 100:
            raise ZeroDivisionError
        rows.put(SEEN, SeenRow(position=event.position))
"""


def test_an_operator_sees_what_stopped_a_read_model_and_decides(
    crm: Crm, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "careless.py").write_text(CARELESS)
    about = tmp_path / "careless-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: careless\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[crm_projections]\ncareless = careless:Careless\n")

    def operate(*arguments: str) -> str:
        done = crm(*arguments, PYTHONPATH=str(tmp_path))
        assert done.returncode == 0, done.stderr
        return done.stdout

    operate("import", "sales", str(folder))
    assert re.search(
        r"careless.*stopped at 100 \(\S+\) by ZeroDivisionError",
        operate("projections", "status"),
    )
    assert "goes on" in operate("projections", "retry", "careless")
    operate("import", "sales", str(folder))
    decision = ("careless", "--position", "100", "--reason", "a bug of ours", "--by", "Kim")
    assert "skips 100" in operate("projections", "skip", *decision)
    operate("import", "sales", str(folder))
    assert re.search(
        r"careless skips 100 .*ZeroDivisionError.* decided by Kim .*: a bug of ours",
        operate("projections", "status"),
    )
    assert "equal" in operate("projections", "verify", "careless")
    assert (
        operate("replay", "--to", "200").count("equal") == len(PROJECTIONS) + 2
    )  # its own, the root


@pytest.mark.parametrize(
    ("arguments", "more", "code"),
    [
        (["import", "sales", "/nowhere"], {}, "import.no_such_file"),
        (["history", "nobody@example.com"], {}, "record.not_found"),
        (["history", "???"], {}, "command.invalid"),
        (["replay", "--to", "9999999"], {}, "replay.beyond_head"),
        (["diff", "crm-sales-opportunities:O7", "v1", "soon"], {}, "command.invalid"),
        (["report", "nothing"], {}, "command.invalid"),
        (["report", "pipeline", "--by", "color"], {}, "command.invalid"),
        (["report", "pipeline", "--where", "color=red"], {}, "command.invalid"),
        (["report", "pipeline-diff"], {}, "command.invalid"),
        (["replay", "--to", "yesterday"], {}, "command.invalid"),
        (["projections", "rebuild", "nothing"], {}, "command.invalid"),
        (["migrate"], {}, "cli.needs_database_url"),
        (
            ["projections", "status"],
            {
                "CRM_DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/none",
                "CRM_ROOT_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            },
            "database.unreachable",
        ),
        (
            ["projections", "status"],
            {"CRM_DATABASE_URL": "postgresql://127.0.0.1:1/none"},
            "root_key.missing",
        ),
        (["projections", "status"], {"CRM_ROOT_KEY": "short"}, "root_key.wrong_shape"),
        (["projections", "status"], {"CRM_REDIS_URL": "//me:secret@there"}, "redis.bad_url"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_done_is_said_with_what_to_do(
    crm: Crm, arguments: list[str], more: dict[str, str], code: str
) -> None:
    said = crm(*arguments, **more)
    assert said.returncode == 1
    assert said.stderr.startswith(code)
    assert "Traceback" not in said.stderr
    assert "secret" not in said.stderr


def test_unknown_columns_are_named(crm: Crm, folder: Path, tmp_path: Path) -> None:
    for name in HEADERS:
        (tmp_path / name).write_text((folder / name).read_text().replace("sector", "branch"))
    said = crm("import", "sales", str(tmp_path))
    assert said.returncode == 1
    assert said.stderr.startswith("import.unknown_columns")
    assert "missing: ['sector']; unknown: ['branch']" in said.stderr


def test_a_port_in_use_is_named(crm: Crm) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = crm("serve", "--port", str(taken.getsockname()[1]))
    assert said.returncode == 1
    assert said.stderr.startswith("serve.port_in_use")


def test_a_data_folder_of_a_newer_server_is_left_alone(crm: Crm, place: Path) -> None:
    version = place / "postgres" / "PG_VERSION"
    ours = version.read_text()
    version.write_text("99\n")
    try:
        said = crm("projections", "status")
    finally:
        version.write_text(ours)
    assert said.returncode == 1
    assert said.stderr.startswith("embedded.newer_data_directory")
    assert crm("projections", "status").returncode == 0
