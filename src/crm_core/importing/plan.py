"""What an import is going to do, and what it has to say about its rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from crm_core.importing.tables import Line
from crm_core.kernel.messages import Command

__all__ = ["Note", "NoteKind", "Plan", "Step"]


class NoteKind(StrEnum):
    """CLEANED: a value was mended. MAPPED: something stands for what is missing or unknown here.
    REFUSED: the row, or a part of it, was not taken."""

    CLEANED = "CLEANED"
    MAPPED = "MAPPED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Note:
    """`why` is the same sentence for all rows of a case; `what` tells this row's value."""

    kind: NoteKind
    file: str
    line: int
    why: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a row. `key` is unique in the import and the same whenever it is run again.

    `on_refusal` is what a refusal of this step means, where it does not mean that the row is lost.
    """

    key: str
    line: Line
    command: Command
    effective_at: datetime | None = None
    on_refusal: str | None = None


@dataclass
class Plan:
    """`name` is part of every id that the import derives."""

    name: str
    rows: Counter[str] = field(default_factory=Counter)  # by file
    steps: list[Step] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def add(
        self,
        line: Line,
        command: Command,
        *,
        key: str,
        effective_at: datetime | None = None,
        on_refusal: str | None = None,
    ) -> None:
        self.steps.append(Step(f"{key}/{command.NAME}", line, command, effective_at, on_refusal))

    def note(self, kind: NoteKind, line: Line, why: str, what: str = "") -> None:
        self.notes.append(Note(kind, line.file, line.number, why, what))
