"""A file is read whole or refused with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_core import SetupError
from crm_core.importing.tables import read_table

COLUMNS = ("id", "name")


def refusal(path: Path) -> SetupError:
    with pytest.raises(SetupError) as refused:
        read_table(path, COLUMNS)
    assert refused.value.remedy
    return refused.value


def test_rows_come_with_their_line_and_without_blanks(tmp_path: Path) -> None:
    path = tmp_path / "things.csv"
    path.write_text('\ufeffname,id\n"two\nlines ",1\n\nb,2\n', encoding="utf-8")
    first, second = read_table(path, COLUMNS)
    assert (first["id"], first["name"]) == ("1", "two\nlines")
    assert (second["id"], second.number, second.file) == ("2", 5, "things.csv")


@pytest.mark.parametrize(
    ("content", "code", "facts"),
    [
        (b"", "import.empty_file", {}),
        (b"id,title\n1,a\n", "import.unknown_columns", {"missing": ["name"], "unknown": ["title"]}),
        (b"id,name\n1,a\n2\n", "import.broken_row", {"line": 3, "cells": 1, "wanted": 2}),
        (b"id,name\n1,caf\xe9\n", "import.wrong_encoding", {"byte": 13}),
        (b'id,name\n1,"a\n', "import.broken_csv", {"line": 2}),
    ],
)
def test_a_broken_file_is_refused_and_the_place_is_named(
    tmp_path: Path, content: bytes, code: str, facts: dict[str, object]
) -> None:
    path = tmp_path / "things.csv"
    path.write_bytes(content)
    refused = refusal(path)
    assert refused.code == code
    assert facts.items() <= refused.parameters.items()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.csv").code == "import.no_such_file"
