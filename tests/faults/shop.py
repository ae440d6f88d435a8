"""A real `soko serve`, and shops that buy from it and do not give up.

    with serving(folder, database_url) as serve:                 # a process, on a port of its own
        with FaultProxy((HOST, serve.port), seed=7, swallow=0.05) as proxy:
            shop = Shop([proxy.port])
            answer = shop.ask("POST", "/v1/holds", body)          # until somebody answers

A shop that gets no answer, or is told to come later, asks the next process again with the same
body, after pauses that grow: who hammers at a door keeps those busy who come to open. What it
was told each time is in `said`: it must always be the same.
"""

import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx2

from edge.ports import HOST, free_port, is_ready
from edge.process import Child

PATIENCE_S = 60.0
ANSWER_WITHIN_S = 5.0
AGAIN_AFTER_S, AGAIN_AT_MOST_S = 0.02, 0.25
LATER = (429, 503)


@dataclass
class Serve:
    """A `soko serve` process."""

    child: Child
    port: int


def a_serve(
    folder: Path, database_url: str, *, pool: int = 8, env: dict[str, str] | None = None
) -> Serve:
    """The process, not started yet."""
    port = free_port()
    environment = {
        "SOKO_DATABASE_URL": database_url,
        "SOKO_DATABASE_POOL": str(pool),
        "SOKO_HTTP": f"http://{HOST}:{port}",
        "SOKO_MQTT_URL": f"mqtt://{HOST}:{free_port()}",
        "SOKO_STATE_DIR": str(folder),
    } | (env or {})
    child = Child(
        (sys.executable, "-m", "wms.cli", "serve"),
        name="serve",
        folder=folder,
        env=environment,
        ready=lambda: is_ready(port),
        ready_within_s=PATIENCE_S,
    )
    return Serve(child, port)


@contextmanager
def serving(folder: Path, database_url: str, *, pool: int = 8) -> Iterator[Serve]:
    """A process that answers."""
    serve = a_serve(folder, database_url, pool=pool)
    with serve.child:
        yield serve


@dataclass
class Shop:
    """A client of one or several processes, with a connection of its own to each."""

    ports: Sequence[int]
    answer_within_s: float = ANSWER_WITHIN_S
    said: dict[UUID, set[str]] = field(default_factory=dict)
    troubles: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.patience = threading.Event()
        self.lines = deque(
            httpx2.Client(base_url=f"http://{HOST}:{port}", timeout=self.answer_within_s)
            for port in self.ports
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for line in self.lines:
            line.close()

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Ask until there is an answer that says something; status and body of it."""
        until, pause_s = monotonic() + PATIENCE_S, AGAIN_AFTER_S
        while True:
            trouble = "late"
            try:
                answer = self.lines[0].request(method, path, json=body, headers=headers)
            except httpx2.HTTPError as error:
                trouble = type(error).__name__
            else:
                if answer.status_code not in LATER:
                    return answer.status_code, answer.json() if answer.content else None
                trouble = answer.json()["code"]
            self.troubles[trouble] += 1
            self.lines.rotate()
            self.patience.wait(pause_s)
            pause_s = min(2 * pause_s, AGAIN_AT_MOST_S)
            assert monotonic() < until, f"no answer to {method} {path}: {self.troubles}"

    def reserve(self, hold: UUID, site: str, sku: str, units: int, **more: Any) -> dict[str, Any]:
        """Set units aside; the answer's only line."""
        line = {"hold_id": str(hold), "site": site, "sku": sku, "units": units}
        body = {"kind": "ORDER", "demand_id": str(hold), "lines": [line]} | more
        status, answer = self.ask("POST", "/v1/holds", body)
        assert status == 200, answer
        (row,) = answer["lines"]
        self.said.setdefault(hold, set()).add(str(row))
        return dict(row)

    def advance(self, command: UUID, hold: UUID, site: str, verb: str) -> tuple[int, Any]:
        """`confirm` or `release` a hold."""
        body = {"command_id": str(command), "site": site}
        status, answer = self.ask("POST", f"/v1/holds/{hold}:{verb}", body)
        return status, answer
