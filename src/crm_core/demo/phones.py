"""Telephone numbers that nobody has: the ranges that regulators set aside for films and books."""

from __future__ import annotations

from typing import Final

__all__ = ["phone"]

# Ofcom, NANPA, Arcep, Bundesnetzagentur and PTS. Other countries have set none aside, so nobody
# there has a number in the demo.
_RANGES: Final = {
    "GB": "+44 20 7946 0{:03}",
    "US": "+1 212 555 01{:02}",
    "FR": "+33 1 99 00 {:04}",
    "DE": "+49 30 23125 {:03}",
    "SE": "+46 8 465 004 {:02}",
}


def phone(country: str, number: int) -> str | None:
    """The number of that place, 0 to 99, in the country's range; None where there is none."""
    written = _RANGES.get(country)
    return None if written is None else written.format(number)
