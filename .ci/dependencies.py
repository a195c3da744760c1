"""Holds what is pinned against what docs/security/dependencies.md promises of it.

Ends with 1 where a promise is broken, or where the registry does not say when a version came out.
Known weaknesses are asked for where the service that knows them is reached; else that is said.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROMISES = ROOT / "docs" / "security" / "dependencies.md"
VENDORED = ROOT / "src" / "crm_api" / "graphiql" / "vendor" / "README.md"
NPM = ROOT / "tests" / "judges" / "package.json"
PIP_AUDIT = ROOT / ".venv" / "audit" / "bin" / "pip-audit"

BEHIND_DAYS_MAX = 92  # that a newer version may be out
AGE_DAYS_MAX = 730  # of a version, be it the newest
_SECONDS_MAX = 20


@dataclass(frozen=True)
class Pin:
    """`newer` is a later version that was out `BEHIND_DAYS_MAX` ago."""

    place: str
    name: str
    version: str
    published: datetime | None
    newer: str | None = None

    def fault(self, now: datetime) -> str | None:
        """Which promise it breaks."""
        if self.published is None:
            return "its age is not known: the registry does not say when it came out"
        if self.newer is not None:
            return f"{self.newer} has been out for more than {BEHIND_DAYS_MAX} days"
        days = (now - self.published).days
        return f"is {days} days old, and nothing newer is out" if days > AGE_DAYS_MAX else None


def main() -> int:
    now = datetime.now(UTC)
    promises = PROMISES.read_text()
    pins = [*python_pins(now), *npm_pins(now)]
    faults = broken(pins, reasons(promises), now)
    oldest = min((pin.published for pin in pins if pin.published), default=now)
    print(f"{len(pins)} pins, the oldest of {oldest:%Y-%m-%d}; ages as the registries say")
    report = weaknesses_asked()
    if report is None:
        print("known weaknesses: not asked; the service that knows them is not reached from here")
    else:
        print(f"known weaknesses: asked of {len(report)} packages")
        faults += weak(report, accepted(promises), now.date())
    print("\n".join(faults) or "nothing is older than promised")
    return bool(faults)


# --- rules ----------------------------------------------------------------------------------------


def broken(pins: Iterable[Pin], reasons: Mapping[str, date], now: datetime) -> list[str]:
    """The promises that are broken without a reason that is still good, and reasons that nothing
    needs any more. There is no reason not to know an age.
    """
    judged = [(pin, fault) for pin in pins if (fault := pin.fault(now))]
    unneeded = reasons.keys() - {pin.name for pin, _ in judged}
    return [
        *(
            f"{pin.place}: {pin.name} {pin.version}: {fault}"
            for pin, fault in judged
            if pin.published is None or reasons.get(pin.name, date.min) < now.date()
        ),
        *(f"{PROMISES.name}: {name} needs no reason any more" for name in sorted(unneeded)),
    ]


def weak(
    report: Iterable[Mapping[str, Any]], accepted: Mapping[str, date], today: date
) -> list[str]:
    """The weaknesses that nobody has judged, or whose time is over, and what was not looked at."""
    faults = []
    for package in report:
        if "skip_reason" in package:
            faults.append(f"{package['name']}: was not looked at: {package['skip_reason']}")
        faults += [
            f"{package['name']} {package['version']}: {found['id']}"
            for found in package.get("vulns", ())
            if accepted.get(found["id"], date.min) < today
        ]
    return faults


def reasons(promises: str) -> dict[str, date]:
    """The components that are older for a reason, and the day until which it is good."""
    return {
        name: date.fromisoformat(until)
        for names, until, _ in _rows(promises, "component")
        for name in re.findall(r"`(.+?)`", names)
    }


def accepted(promises: str) -> dict[str, date]:
    """The weaknesses that have been judged, and the day until which they may be there."""
    return {row[0].strip("`"): date.fromisoformat(row[-1]) for row in _rows(promises, "weakness")}


def _rows(text: str, head: str) -> list[list[str]]:
    """The rows of the table whose first column is called so."""
    found = re.search(rf"^\| {head} \|.*\n\|[-|]+\|\n((?:\|.*\n)*)", text, re.MULTILINE)
    lines = found[1].splitlines() if found else []
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


# --- Python ---------------------------------------------------------------------------------------


def python_pins(now: datetime) -> list[Pin]:
    with ThreadPoolExecutor(2) as workers:
        locks = sorted((ROOT / "requirements").glob("*.txt"))
        return [
            pin for pins in workers.map(lambda lock: _of_lock(lock, now), locks) for pin in pins
        ]


def _of_lock(lock: Path, now: datetime) -> list[Pin]:
    before = now - timedelta(days=BEHIND_DAYS_MAX)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "pylock.toml"  # which has a time for each file (PEP 751)
        _uv(str(lock), "--output-file", str(made))
        packages = tomllib.loads(made.read_text())["packages"]
    times = [(package["name"], package["version"], _published(package)) for package in packages]
    were_out = sorted({name for name, _, published in times if published and published < before})
    newest: dict[str, Version] = {}
    if were_out:
        cutoff = before.strftime("%Y-%m-%dT%H:%M:%SZ")
        listed = _uv("-", "--no-annotate", "--exclude-newer", cutoff, given="\n".join(were_out))
        for name, version in re.findall(r"^([^=\s]+)==([^\s;]+)", listed, re.MULTILINE):
            newest[name] = max(Version(version), newest.get(name, Version(version)))
    # One with several pins, by version of Python, is as new as the newest of them.
    highest: dict[str, Version] = {}
    for name, version, _ in times:
        highest[name] = max(Version(version), highest.get(name, Version(version)))
    return [
        Pin(
            lock.name, name, version, published,
            str(newest[name]) if newest.get(name, highest[name]) > highest[name] else None,
        )
        for name, version, published in times
    ]  # fmt: skip


def _published(package: Mapping[str, Any]) -> datetime | None:
    files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
    times = [file["upload-time"] for file in files if "upload-time" in file]
    return min(times, default=None)


def _uv(*arguments: str, given: str = "") -> str:
    """What `make lock` would pin, of these packages alone."""
    compiling = ("-m", "uv", "pip", "compile", "-q", "--universal", "--python-version", "3.11")
    run = subprocess.run(
        [sys.executable, *compiling, "--no-deps", "--no-header", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / ".tools")},
        cwd=ROOT, input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        sys.exit(f"the registry of Python packages could not be asked: {run.stderr[-500:]}")
    return run.stdout


# --- JavaScript -----------------------------------------------------------------------------------


def npm_pins(now: datetime) -> list[Pin]:
    """What the judges and the page name; what those need is in a lock, held to its hashes."""
    pinned = [(NPM.name, *pin) for pin in json.loads(NPM.read_text())["dependencies"].items()]
    vendored = re.findall(r"^\| `[^`]+` \| \[([^\]]+)\]\S* \| (\S+) \|", VENDORED.read_text(), re.M)
    assert vendored, "the table of vendored files has another form"
    pinned += [("vendor", name, version) for name, version in vendored]
    with ThreadPoolExecutor(6) as workers:
        return list(workers.map(lambda pin: _of_npm(*pin, now), pinned))


def _of_npm(place: str, name: str, version: str, now: datetime) -> Pin:
    before = now - timedelta(days=BEHIND_DAYS_MAX)
    run = subprocess.run(
        ["npm", "view", name, "time", "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    said = json.loads(run.stdout) if run.returncode == 0 and run.stdout.strip() else {}
    times = {key: datetime.fromisoformat(time) for key, time in said.items()}
    stable = [
        Version(key)
        for key, time in times.items()
        if re.fullmatch(r"\d+\.\d+\.\d+", key) and time < before
    ]
    newest = max(stable, default=Version(version))
    newer = str(newest) if newest > Version(version) else None
    return Pin(place, name, version, times.get(version), newer)


# --- known weaknesses -----------------------------------------------------------------------------


def weaknesses_asked() -> list[dict[str, Any]] | None:
    """What is known of each Python package; None where the service is not reached."""
    found: list[dict[str, Any]] = []
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        command = [
            PIP_AUDIT, "--requirement", lock, "--require-hashes", "--disable-pip",
            "--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off",
            "--timeout", "5",
        ]  # fmt: skip
        try:
            run = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS_MAX, check=False
            )
            found += json.loads(run.stdout)["dependencies"]
        except subprocess.TimeoutExpired:
            return None
        except json.JSONDecodeError:
            if re.search(r"Connection|Timeout|NameResolution", run.stderr):
                return None
            sys.exit(f"pip-audit says nothing of {lock.name}: {run.stderr[-500:]}")
    return found


if __name__ == "__main__":
    sys.exit(main())
