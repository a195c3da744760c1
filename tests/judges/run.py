"""Tools that nobody here wrote judge the API: `make judges`.

Each is asked about the API as it is, where it must find no fault, and about one with a fault
planted, which it must find. Exits with 1 where either is otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import structlog

from crm_api.graphql.errors import ErrorCode
from judges.judges import CODEGEN, LIVE, STATIC, Fault, Judge
from judges.served import Served, served

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TOOLS = ROOT / ".venv" / "judges"  # `make` puts them there
GQL = ROOT / ".venv" / "judges-gql" / "bin" / "python"
SECONDS_MAX = 300


async def main() -> int:
    logging.disable(logging.WARNING)  # that a client went away is no news here
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="crm-judges-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the server of the database runs as another user
        workspace = _workspace(folder)
        failed = [judge for judge in STATIC if not await _static(judge, workspace)]
        if CODEGEN in failed:
            print("the clients cannot be asked: they need what codegen makes")
            return 1
        async with served(folder, _manifests(workspace)) as (api, faulty):
            failed += [judge for judge in LIVE if not await _live(judge, workspace, api, faulty)]
    names = ", ".join(judge.package for judge in failed)
    print(f"at fault: {names}" if failed else f"{len(STATIC + LIVE)} judges find no fault")
    return bool(failed)


# --- asking a judge -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    is_yes: bool
    output: str


async def _static(judge: Judge, workspace: Path) -> bool:
    started = monotonic()
    verdict = await _asked(judge, workspace, None)
    if judge is CODEGEN and verdict.is_yes:
        _write_documents(workspace)
    missed = []
    for fault in judge.faults:
        assert fault.plant is not None, "it reads the schema alone"
        with _copy(workspace) as planted:
            schema = planted / "schema.graphql"
            schema.write_text(fault.plant(schema.read_text()))
            if (await _asked(judge, planted, None)).is_yes:
                missed.append(fault)
    return _report(judge, verdict, missed, monotonic() - started)


async def _live(judge: Judge, workspace: Path, api: Served, faulty: Served) -> bool:
    started = monotonic()
    verdict = await _asked(judge, workspace, api)
    missed = list(judge.faults) if (await _asked(judge, workspace, faulty)).is_yes else []
    return _report(judge, verdict, missed, monotonic() - started)


async def _asked(judge: Judge, workspace: Path, asked: Served | None) -> Verdict:
    folder = workspace / judge.folder
    if judge.first is not None and not (first := await _run(folder, judge.first, asked)).is_yes:
        raise RuntimeError(f"{judge.package} cannot be asked: {first.output}")
    return await _run(folder, judge.command, asked)


async def _run(folder: Path, command: str, asked: Served | None) -> Verdict:
    if asked is not None:
        command = command.format(url=asked.url, trusted=asked.trusted, token=asked.token, gql=GQL)
    paths = (TOOLS / "node_modules" / ".bin", TOOLS / "bin", os.environ["PATH"])
    environment = os.environ | {
        "PATH": os.pathsep.join(map(str, paths)),
        "NO_COLOR": "1",
        "SCHEMATHESIS_HOOKS": "hooks",
        "JUDGED_CODES": " ".join(ErrorCode),
        "JUDGED_IDS": " ".join(asked.ids) if asked is not None else "",
    }
    run = await asyncio.create_subprocess_exec(
        *shlex.split(command),
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(SECONDS_MAX):
            output, _ = await run.communicate()
    except TimeoutError:
        raise RuntimeError(f"no verdict in {SECONDS_MAX} s: {command.split()[:2]}") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)  # and whatever it has left running
    return Verdict(run.returncode == 0, output.decode(errors="replace"))


def _report(judge: Judge, verdict: Verdict, missed: list[Fault], seconds: float) -> bool:
    is_well = verdict.is_yes and not missed
    if not verdict.is_yes:
        print(verdict.output)
        said = "finds the fault above"
    elif missed:
        said = f"does not find {', '.join(fault.name for fault in missed)}"
    else:
        counted = re.search(judge.counted, verdict.output)
        judged = judge.judged or (counted[0].strip() if counted else "")
        said = f"{judged}; no to {', '.join(fault.name for fault in judge.faults)}"
    name = f"{judge.package} {version(judge.package)}"
    print(f"{'✔' if is_well else '✘'} {name:<38}{seconds:5.1f} s  {said}", flush=True)
    return is_well


def version(package: str) -> str:
    npm: dict[str, str] = json.loads((HERE / "package.json").read_text())["dependencies"]
    python = "".join(file.read_text() for file in (ROOT / "requirements").glob("judges*.in"))
    pinned = re.search(rf"^{package}(?:\[.+\])?==(\S+)", python, re.MULTILINE)
    return pinned[1] if pinned else npm[package]


# --- what they work on ----------------------------------------------------------------------------


def _workspace(folder: Path) -> Path:
    """What an application's folder would hold: its sources, the schema, and the tools."""
    workspace = folder / "workspace"
    shutil.copytree(HERE, workspace, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "schema.graphql", workspace)
    shutil.copy(ROOT / "src" / "crm_api" / "graphiql" / "page" / "examples.js", workspace)
    (workspace / "node_modules").symlink_to(TOOLS / "node_modules")
    return workspace


@contextlib.contextmanager
def _copy(workspace: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="planted-", dir=workspace.parent) as name:
        yield Path(shutil.copytree(workspace, Path(name) / "workspace", symlinks=True))


def _write_documents(workspace: Path) -> None:
    """The documents of codegen's manifest, for those who read files."""
    manifest = json.loads((workspace / "client/src/gql/persisted-documents.json").read_text())
    (workspace / "ariadne" / "documents.graphql").write_text("\n".join(manifest.values()))


def _manifests(workspace: Path) -> Path:
    """A folder of what codegen's and Relay's builds trust."""
    folder = workspace / "manifests"
    folder.mkdir()
    shutil.copy(workspace / "client" / "src" / "gql" / "persisted-documents.json", folder)
    shutil.copy(workspace / "relay" / "persisted.json", folder)
    return folder


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
