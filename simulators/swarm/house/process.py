"""The WMS of the swarm, whole: web process and worker, on a real PostgreSQL.

The web application answers requests, the worker's jobs run, the stream of the WCS is taken as
`soko serve` and `soko worker` do it; only nobody waits: one request or job is done at a time, at
a moment of virtual time. A process dies before or after any of its commits (`Mortal`), loses what
it had in memory, and is started again by its keeper.

What is drawn at random (ids) comes from the seed, and so do the turns of the jobs.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeAlias, TypeVar

from fastapi import FastAPI
from sqlalchemy import Row, TextClause
from sqlalchemy.orm import Session
from starlette.datastructures import State
from starlette.testclient import TestClient
from typing_extensions import override

from edge.stream import Ack, Batch
from simulators.swarm.laws import law
from simulators.swarm.timeline import Timeline
from wms import inbox
from wms.api.dependencies import Services
from wms.app import create_app
from wms.database import Database
from wms.errors import Unavailable
from wms.ids import draw_from
from wms.jobs import Jobs
from wms.outbound import stream
from wms.outbound.floor import Floor
from wms.ports import Carrier, WebhookEvent
from wms.settings import Settings

T = TypeVar("T")
Death: TypeAlias = Literal["before", "after"]
Process: TypeAlias = Literal["web", "worker"]
KEEPER_S = 20.0  # from a fall to the next start
IDLE = frozenset({"plan", "plan-ahead", "plan-activate", "imports", "print", "notices", "swap"})


class Died(Exception):  # noqa: N818 - reads as what happened
    """The process is no more."""


class Mortal(Database):
    """A pool of connections of a process that may die before or after a commit."""

    def __init__(self, url: str) -> None:
        super().__init__(url, pool_size=8, given_clock=True)
        self._death: Death | None = None
        self._in = 0
        self.dead = False

    def kill(self, death: Death, *, after: int) -> None:
        """Whoever has so many transactions more behind it dies of the next."""
        self._death, self._in = death, after

    def revive(self) -> None:
        """Nobody is to die any more of what is past."""
        self._death, self.dead = None, False

    @override
    def run(self, work: Callable[[Session], T]) -> T:
        death = self._due()
        if death is None:
            return super().run(work)
        if death == "after":
            super().run(work)
        else:
            super().run(partial(_undone, work))
        raise Died

    @override
    def say(self, statement: TextClause, given: Any) -> Row[Any] | None:
        death = self._due()
        if death != "before":
            row = super().say(statement, given)
            if death is None:
                return row
        raise Died

    def _due(self) -> Death | None:
        if self.dead:  # whoever catches everything does not live on
            raise Died
        if self._death is None:
            return None
        self._in -= 1
        if self._in >= 0:
            return None
        death, self._death, self.dead = self._death, None, True
        return death


def _undone(work: Callable[[Session], object], session: Session) -> None:
    work(session)
    session.flush()
    raise Died


class OfficeClock:
    """The time of the office: a little later each time it is asked, as events need an order."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline, self._last = timeline, timeline.now

    def now(self) -> datetime:
        """The present moment."""
        self._last = max(self._timeline.now, self._last + timedelta(milliseconds=1))
        return self._last

    def real_s(self, virtual_s: float) -> float:
        """The same number."""
        return virtual_s

    async def sleep(self, virtual_s: float) -> None:
        """Nobody waits for anything here."""
        raise AssertionError(virtual_s)


class Nobody:
    """Who subscribes to events here: nobody."""

    def deliver(self, event: WebhookEvent) -> int:
        """Never asked."""
        raise AssertionError(event)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of a request."""

    status: int
    body: Any

    @property
    def good(self) -> bool:
        """Whether it was done."""
        return self.status < 300


@cache
def _app() -> FastAPI:
    """Putting its routes together takes seconds: once for all lives."""
    return create_app(Settings(contact_key=Path("/nowhere")), _NO_SERVICES)


_NO_SERVICES: Any = object()  # each life brings its own


class House:
    """Web process and worker; each public method is something that one of them does."""

    def __init__(
        self, database: Mortal, timeline: Timeline, hub: Floor, carrier: Carrier, chance: Random
    ) -> None:
        draw_from(chance.getrandbits)
        self.database, self.hub, self.counts = database, hub, Counter[str]()
        self.clock = OfficeClock(timeline)
        self._timeline, self._carrier, self._chance = timeline, carrier, chance
        self._down_until_s: dict[Process, float] = {}
        self.on_start: Callable[[Process], None] = lambda _process: None
        self._web: TestClient | None = None
        self._start("worker")

    # --------------------------------------------------------------------------- processes
    def _start(self, process: Process) -> None:
        if process == "worker":
            self._jobs = {
                job.name: job
                for job in Jobs(
                    database=self.database, clock=self.clock, floor=self.hub,
                    carrier=self._carrier, webhooks=Nobody(),
                ).all()
                if job.name not in IDLE
            }  # fmt: skip
            return
        self.close()
        app = _app()
        services = Services(
            settings=Settings(contact_key=Path("/nowhere")), database=self.database,
            clock=self.clock, floor=self.hub,
        )  # fmt: skip
        app.state, app.middleware_stack = State({"services": services}), None
        self._web = TestClient(app)
        self._web.__enter__()  # one event loop for all its requests

    def close(self) -> None:
        """End the web process."""
        if self._web is not None:
            self._web.__exit__(None, None, None)
            self._web = None

    def is_up(self, process: Process) -> bool:
        """Whether it runs."""
        return self._timeline.now_s >= self._down_until_s.get(process, 0.0)

    def _as(self, process: Process, deed: Callable[[], T]) -> T:
        """Have a process do something; it may die of it.

        Raises:
            Died: it is dead, now or since a while.
        """
        if not self.is_up(process):
            raise Died
        try:
            done = deed()
        except Died:
            done = None
        if not self.database.dead:
            return done  # type: ignore[return-value]
        self.database.revive()
        self.counts["office died"] += 1
        self._down_until_s[process] = self._timeline.now_s + KEEPER_S
        self._timeline.later(KEEPER_S, partial(self._again, process))
        raise Died

    def _again(self, process: Process) -> None:
        if process == "web":
            self.close()  # it is started by the next request
        else:
            self._start(process)
        self.on_start(process)

    # ------------------------------------------------------------------------------- web
    def ask(self, method: str, path: str, **what: Any) -> Answer:
        """A request and its answer.

        Raises:
            Died: there is no answer.
        """
        return self._as("web", lambda: self._answer(method, path, what))

    def _answer(self, method: str, path: str, what: Any) -> Answer:
        if self._web is None:
            self._start("web")
        assert self._web is not None
        answer = self._web.request(method, path, **what)
        if self.database.dead:
            raise Died
        law(answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text}")
        return Answer(answer.status_code, answer.json() if answer.content else None)

    # ---------------------------------------------------------------------------- worker
    def work(self, names: Collection[str] = ()) -> int:
        """Run those jobs, or all, once each, in a turn that nobody knows; how much was done.

        Raises:
            Died: the worker did, or is not there.
        """
        turn = sorted(names or self._jobs)
        self._chance.shuffle(turn)
        return sum(self._as("worker", partial(self._job, name)) for name in turn)

    def _job(self, name: str) -> int:
        """A partner that does not answer is asked another time, as by the worker's loops."""
        try:
            return self._jobs[name].run()
        except Unavailable:
            self.counts["no answer"] += 1
            return 0

    def take(self, batch: Batch) -> Ack:
        """Do what is new in a batch from the WCS.

        Raises:
            Died: nobody knows whether it was done.
        """
        do = partial(inbox.take_batch, floor=self.hub, site=self.hub.hub_code, batch=batch)
        return self._as("worker", lambda: self.database.run(partial(do, now=self.clock.now())))

    def do(self, work: Callable[[Session], T]) -> T:
        """A transaction of the worker.

        Raises:
            Died: nobody knows whether it was done.
        """
        return self._as("worker", lambda: self.database.run(work))


class Letters:
    """What the WMS says to the WCS, in its tables: the storage of a stream's sender."""

    def __init__(self, house: House) -> None:
        self._house, self._site = house, house.hub.hub_code
        self.epoch, self.last, self.acked = "", 0, 0

    def number(self) -> None:
        """Give what is new its numbers.

        Raises:
            Died: the worker is no more.
        """
        known = self._house.do(lambda s: stream.number(s, self._site, "office"))
        self.epoch, self.last, self.acked = known.epoch, known.last, known.acked

    def read(self, numbers: range) -> list[bytes]:
        """The bodies of those messages; none while there is nobody to read them."""
        try:
            return list(self._house.do(lambda s: stream.read(s, self._site, numbers)))
        except Died:
            return []

    def delete_through(self, seq: int) -> None:
        """Forget them."""
        try:
            self._house.do(lambda s: stream.acknowledged(s, self._site, seq))
        except Died:
            return
        self.acked = max(self.acked, seq)

    def start_over(self) -> None:
        """Nobody ever knows more than was said."""
        raise AssertionError("the WCS knows more than the office has said")
