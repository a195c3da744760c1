"""What the documents say is so: their Python runs, and prints what they show."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from graphql import DocumentNode, build_schema, parse, validate

ROOT = Path(__file__).parents[1]


def test_the_readme_shows_what_its_python_prints() -> None:
    readme = (ROOT / "README.md").read_text()
    found = re.search(r"```python\n(.*?)```\s+```\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    code, shown = found.groups()
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    assert printed.getvalue() == shown


def test_the_readme_asks_what_the_schema_answers() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    (shown,) = re.findall(r"```graphql\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for operation in parse(shown).definitions:
        assert validate(schema, DocumentNode(definitions=(operation,))) == []


def test_every_link_leads_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
