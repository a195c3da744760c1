"""Plays the newcomer: `make run`, signs in, asks, changes something, and stops it with Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

READY_SECONDS_MAX = 120


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="crm-newcomer-") as folder:
        Path(folder).chmod(0o755)
        cold = visit(folder)
        warm = visit(folder)
    print(f"make run: ready after {cold:.1f} s cold, {warm:.1f} s warm")


def visit(folder: str) -> float:
    """Starts the demo, uses it, stops it; the seconds until it was ready."""
    started = time.monotonic()
    environment = os.environ | {"CRM_DATA_DIR": f"{folder}/data", "COLUMNS": "200"}
    with subprocess.Popen(
        ["make", "--no-print-directory", "run"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            url, email, password = read_card(run)
            seconds = time.monotonic() - started
            use(url, email, password)
        finally:
            os.killpg(run.pid, signal.SIGINT)
        if run.wait(timeout=30) not in (0, 2, 130, -signal.SIGINT):  # make's own word for Ctrl-C
            sys.exit(f"make run ended with {run.returncode}")
    return seconds


def read_card(run: subprocess.Popen[str]) -> tuple[str, str, str]:
    """What `make run` prints for a person, read like one."""
    found: dict[str, str] = {}
    deadline = time.monotonic() + READY_SECONDS_MAX
    assert run.stdout is not None
    for line in run.stdout:
        print("   ", line, end="")
        if match := re.search(r"(http://127\.0\.0\.1:\d+)/graphql\b", line):
            found["url"] = match[1]
        if (match := re.search(r"sign in\s+(\S+@\S+)\s+(\S+)", line)) and "email" not in found:
            found["email"], found["password"] = match[1], match[2]
        if "Ctrl-C" in line:
            return found["url"], found["email"], found["password"]
        if time.monotonic() > deadline:
            break
    sys.exit(f"make run did not get ready; it said {found}")


def use(url: str, email: str, password: str) -> None:
    token = post(f"{url}/login", {"email": email, "password": password})["token"]
    asked = "{ viewer { name } customers(first: 3) { nodes { name } totalCount } }"
    data = post(f"{url}/graphql", {"query": asked}, token)["data"]
    assert data["customers"]["totalCount"] > 50, data
    made = post(
        f"{url}/graphql",
        {
            "query": 'mutation { customerRegisterPerson(input: {name: "Newcomer"})'
            " { userErrors { code } receipt { position } customer { name version } } }"
        },
        token,
    )["data"]["customerRegisterPerson"]
    assert made["userErrors"] == [], made
    assert made["customer"] == {"name": "Newcomer", "version": 1}, made


def post(url: str, body: object, token: str = "") -> dict[str, object]:
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json", "authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


if __name__ == "__main__":
    main()
