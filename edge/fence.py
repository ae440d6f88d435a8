"""Which WCS may command the machines: the one with the latest term, and no earlier one.

Whoever takes a site's journal over begins a new term (wcs.journal), a number that only grows, and
says it with every command:

    {"type": "robot.drive", …, "term": 1784000000}

The edge remembers the highest term that it has heard, on disk, before it obeys. A command of an
earlier term comes from a WCS that was taken for dead and is not, or lay in the network since: it
is refused. So two that both believe to lead never move the same machine.

Laws:
    never back   once a term was heard, no earlier one is obeyed, over any number of restarts
    no term      a command without one is of term 0: good until the first that has one
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEY = "term"


def with_term(body: bytes, term: int) -> bytes:
    """A command, which is a JSON object with at least one field, with its term."""
    return b'%b,"%b":%d}' % (body.rstrip()[:-1], KEY.encode(), term)


def term_of(command: Mapping[str, Any]) -> int:
    """The term of a command; 0 when it has none, or what stands there is no number."""
    term = command.get(KEY)
    return term if type(term) is int else 0


class Fence:
    """The highest term that was heard, in a file."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one.

        Raises:
            ValueError: it holds something else.
        """
        self._path = path
        self.highest = int(path.read_text(encoding="ascii")) if path.exists() else 0
        self.refused = 0

    def passes(self, term: int) -> bool:
        """Whether a command of that term is obeyed; a new term is on disk before it is."""
        if term < self.highest:
            self.refused += 1
            return False
        if term > self.highest:
            self._keep(term)
        return True

    def _keep(self, term: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="ascii") as file:
            file.write(str(term))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self.highest = term
