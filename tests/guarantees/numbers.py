"""How often each guarantee is tried: with every change, and for a release (`make soak`).

A test repeats a round of bounded size, so a release run takes longer and needs no more memory.
"""

from __future__ import annotations

import os

_IS_RELEASE = bool(os.environ.get("CRM_SOAK"))


def _rounds(each_change: int, release: int) -> int:
    return release if _IS_RELEASE else each_change


KILLS = _rounds(20, 1_000)  # of the whole server, under load

EVENTS_A_ROUND = 200_000
READING_ROUNDS = _rounds(1, 100)

RACERS = 20
RACES = _rounds(1_000, 100_000)  # of RACERS writers on one stream

LOST_REPLIES = _rounds(1_000, 50_000)

OPERATIONS_A_ROUND = 100_000
LINEARIZABLE_ROUNDS = _rounds(1, 50)

MODEL_EXAMPLES_IN_MEMORY = _rounds(600, 60_000)
MODEL_EXAMPLES_IN_POSTGRES = _rounds(400, 40_000)
