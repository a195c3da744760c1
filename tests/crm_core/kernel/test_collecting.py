"""The collector rests while many objects are made, and is left as it was found."""

from __future__ import annotations

import gc

import pytest

from crm_core.kernel.collecting import collector_paused


def test_it_rests_inside_and_works_again_afterwards() -> None:
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_works_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="any"), collector_paused():
        raise ValueError("any")
    assert gc.isenabled()


def test_who_switched_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
