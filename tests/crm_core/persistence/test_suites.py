"""The suites that the `eventsourcing` library ships in its wheel pass, on each ledger."""

from __future__ import annotations

import unittest
from collections.abc import Iterator

import pytest

from .suites import SUITES


def cases() -> Iterator[object]:
    for suite in SUITES:
        for name in unittest.TestLoader().getTestCaseNames(suite):
            yield pytest.param(suite, name, id=f"{suite.__name__}.{name}")


def run(suite: type[unittest.TestCase], name: str) -> unittest.TestResult:
    result = unittest.TestResult()
    suite(name).run(result)
    return result


# The suite of applications looks for the library's own warning, which is an error elsewhere.
@pytest.mark.filterwarnings("default:'log' is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("suite", "name"), [*cases()])
def test_of_the_library_holds(module: str, suite: type[unittest.TestCase], name: str) -> None:
    result = run(suite, name)
    for _, trace in (*result.errors, *result.failures):
        pytest.fail(trace, pytrace=False)
    assert (result.testsRun, result.skipped) == (1, [])
