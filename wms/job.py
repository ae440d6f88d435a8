"""A job: something the worker does again and again, in transactions of its own.

A job returns how much it did, so that its loop knows whether to go on at once, and may be called
by a test as it is. What is outside (a search, a carrier, a mail server) is called between
transactions. Nothing is kept in memory that the next start would miss.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to do, and how long to wait when there was nothing to do, in real seconds."""

    name: str
    run: Callable[[], int]
    idle_s: float
