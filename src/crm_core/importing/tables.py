"""CSV files read strictly: the encoding, the header and the shape of every row are checked."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crm_core.kernel.errors import SetupError

__all__ = ["Line", "read_table"]


@dataclass(frozen=True, slots=True)
class Line:
    """A row, by column; `number` is its line in the file, the header being line 1."""

    file: str
    number: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


def read_table(path: Path, columns: Sequence[str]) -> list[Line]:
    """The rows of a UTF-8 CSV file with exactly these columns, in any order; cells are stripped.

    A column that stands twice is read at its first place. Raises SetupError `import.*`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, None)
            if header is None:
                raise SetupError("import.empty_file", "give a file with a header", file=path.name)
            _check_header(path, header, columns)
            return [_line(path, rows.line_num, header, row) for row in rows if row]
    except FileNotFoundError as error:
        raise SetupError("import.no_such_file", "check the path", file=str(path)) from error
    except OSError as error:
        raise SetupError(
            "import.unreadable", "make the file readable", file=path.name, cause=error.strerror
        ) from error
    except UnicodeDecodeError as error:
        raise SetupError(
            "import.wrong_encoding",
            "save the file as UTF-8 and import it again",
            file=path.name,
            byte=error.start,
        ) from error
    except csv.Error as error:
        raise SetupError(
            "import.broken_csv",
            "mend the quotes and separators of that line",
            file=path.name,
            line=rows.line_num,
            cause=str(error),
        ) from error


def _check_header(path: Path, header: list[str], columns: Sequence[str]) -> None:
    found = {name.strip() for name in header if name.strip()}
    missing, unknown = set(columns) - found, found - set(columns)
    if missing or unknown:
        raise SetupError(
            "import.unknown_columns",
            f"give a file with the columns {', '.join(columns)}",
            file=path.name,
            missing=sorted(missing),
            unknown=sorted(unknown),
        )


def _line(path: Path, number: int, header: list[str], row: list[str]) -> Line:
    if len(row) != len(header):
        raise SetupError(
            "import.broken_row",
            "give every row as many cells as the header has",
            file=path.name,
            line=number,
            cells=len(row),
            wanted=len(header),
        )
    cells: dict[str, str] = {}
    for name, cell in zip(header, row, strict=True):
        cells.setdefault(name.strip(), cell.strip())
    return Line(path.name, number, cells)
