"""Coordinators in processes of their own that die, kill -9, at a named point of a saga.

    with Coordinators(urls) as coordinators:
        died = coordinators.die_at("confirm 1", saga_id, lines, now=NOW)

They are forked from one process that has imported everything: `python -m tests.cells.coordinator`
reads what to place, a line each, forks, and says how the child ended.
"""

import base64
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from tests.cells.network import SITES
from wms.cells import Cells
from wms.database import Database
from wms.stock.promises import Reserve
from wms.stock.saga import Sagas

ROOT = Path(__file__).parents[2]


class Coordinators:
    """The process they are forked from."""

    def __init__(self, urls: dict[str, str]) -> None:
        self._urls = urls

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cells.coordinator"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def die_at(self, point: str, saga_id: UUID, lines: Sequence[Reserve], *, now: datetime) -> bool:
        """Whether it died there; if not, it came to the end without passing that point."""
        assert self._process.stdin
        assert self._process.stdout
        order = pickle.dumps((point, self._urls, saga_id, lines, now))
        self._process.stdin.write(base64.b64encode(order).decode() + "\n")
        self._process.stdin.flush()
        ended = int(self._process.stdout.readline())
        assert ended in {0, -signal.SIGKILL}
        return ended != 0


def _main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _place(*pickle.loads(base64.b64decode(line)))  # noqa: S301 - our own parent's
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{ended}\n")
        sys.stdout.flush()


def _place(point: str, urls: dict[str, str], saga_id: UUID, lines: Any, now: datetime) -> None:
    cells = Cells(
        {name: Database(url, pool_size=1, given_clock=True) for name, url in urls.items()},
        sites=SITES,
    )
    Sagas(cells, at=_killer(point)).place(saga_id, lines, now=now)


def _killer(point: str) -> Callable[[str], None]:
    def at(passed: str) -> None:
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return at


if __name__ == "__main__":
    _main()
