"""What is tried every time, and what only by night.

A law that is tried at many points goes round them all in `make nightly`; the check takes those
that have found something, or reach furthest.
"""

from collections.abc import Sequence
from typing import Any

import pytest


def by_night(value: Any) -> Any:
    """A parameter that only the nightly run takes."""
    return pytest.param(value, marks=pytest.mark.nightly)


def some_by_day(values: Sequence[Any], by_day: Sequence[Any]) -> list[Any]:
    """All of these as parameters; those that are not named, only by night."""
    assert set(by_day) <= set(values)
    return [value if value in by_day else by_night(value) for value in values]
