"""The coalescer: what many callers ask for at the same time becomes one posting.

    callers (event loop)         queue, bounded            a writer (thread)
    reserve([a]) ───────────┐
    reserve([b, c]) ────────┼──> a │ b c │ d ... ──────> takes all there is, 500 lines at most,
    reserve([d ...]) ───────┘        │                   posts them in one transaction, answers
                  <──────────────────┴────────────────── all callers at once

There is no timer: a lone line is posted at once, and under load a batch is what came while the
one before was being posted. So the price of a transaction is shared by as many as there are.

Laws
    The queue is bounded; who comes when it is full hears so at once (Overloaded), nothing posted.
    What is past its deadline when its turn comes is not posted (DeadlinePassed).
    Who has gone away meanwhile is posted for none the less: an answer lost is no posting lost.
    Lines of one group are in one posting. Lines of one kind are posted in the order they came.
    A line that cannot be posted does not fail its neighbours (`wms.stock.poison`).
    While the database is away its callers hear so (DatabaseUnavailable); the same ids again later
    are safe. Nothing has to be told that it is back.
    At the end (`drain`) what is queued is posted or refused, never dropped.

Deadlines are seconds from the call, by a clock that only runs forward.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from edge.clock import Clock
from wms.database import Database, DatabaseUnavailable
from wms.errors import Unavailable, WmsError
from wms.stock import ledger, promises
from wms.stock.ledger import Advance, Advanced
from wms.stock.poison import Post, cut, post_each
from wms.stock.promises import Extend, Extended, Reserve, Reserved, Swap, Swapped

log = structlog.get_logger(__name__)

BATCH_MAX = 500
QUEUE_MAX = 5000
WRITERS = 1
DRAIN_WITHIN_S = 10.0
RETRY_AFTER_MAX_S = 30


class Overloaded(Unavailable):
    """More has been asked for than can be done soon; nothing was posted.

    Attributes:
        retry_after_s: when there should be room again.
    """

    code = "overloaded"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too much at once: nothing was posted, try again with the same ids")
        self.retry_after_s = retry_after_s


class DeadlinePassed(Unavailable):
    """The caller's deadline came before its turn; nothing was posted."""

    code = "deadline_passed"

    def __init__(self) -> None:
        super().__init__("the deadline passed before it was its turn: nothing was posted")


class ShuttingDown(Unavailable):
    """This process is about to end and takes no more; nothing was posted."""

    code = "shutting_down"

    def __init__(self) -> None:
        super().__init__("this server is stopping: nothing was posted, try again")


@dataclass(slots=True, eq=False)
class _Call:
    """One caller's lines and where its answer goes."""

    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    until: float
    answers: list[Any]
    left: int
    is_begun: bool = False


@dataclass(slots=True, eq=False)
class _Piece:
    """Lines of a call that are posted together; most calls are of one piece."""

    number: int
    call: _Call
    at: int  # where in the call's answers
    lines: Sequence[Any]


@dataclass(slots=True, eq=False)
class _Desk:
    """Where lines of one kind queue, and how they are posted."""

    post: Post
    group: Callable[[Any], Hashable] = lambda _: None
    queue: deque[_Piece] = field(default_factory=deque)


class Coalescer:
    """Takes lines from the tasks of any event loop, posts them from its own threads.

    Attributes:
        asked: lines that were taken into the queue.
        depth: lines that wait now.
        batches: postings made.
        lines: lines posted.
        refused: lines turned away because too many waited.
        late: lines not posted because their caller's deadline had passed.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        batch_max: int = BATCH_MAX,
        queue_max: int = QUEUE_MAX,
        writers: int = WRITERS,
    ) -> None:
        self.asked = self.depth = self.batches = self.lines = self.refused = self.late = 0
        self._database = database
        self._batch_max = batch_max
        self._queue_max = queue_max
        self._changed = threading.Condition(threading.Lock())
        self._is_closing = False
        self._pieces = 0
        self._pace_s = 0.0  # seconds a line, lately
        self._reserves = _Desk(
            post=lambda session, lines: promises.reserve_each(session, lines, now=clock.now()),
            group=lambda line: line.group_id,
        )
        self._advances = _Desk(post=ledger.advance_each)
        self._extends = _Desk(
            post=lambda session, lines: promises.extend_each(session, lines, now=clock.now())
        )
        self._swaps = _Desk(
            post=lambda session, lines: promises.swap_each(session, lines, now=clock.now())
        )
        self._desks = (self._reserves, self._advances, self._extends, self._swaps)
        self._writers = [
            threading.Thread(target=self._write, name=f"stock-writer-{n}", daemon=True)
            for n in range(writers)
        ]
        for writer in self._writers:
            writer.start()

    async def reserve(
        self, lines: Sequence[Reserve], *, deadline_s: float = math.inf
    ) -> Sequence[Reserved | WmsError]:
        """Set units aside; a line that cannot be posted is answered by its error.

        Raises:
            Overloaded, DeadlinePassed, ShuttingDown: nothing was posted.
            DatabaseUnavailable: nobody knows; the same ids again are safe.
        """
        return await self._ask(self._reserves, lines, deadline_s)

    async def advance(
        self, lines: Sequence[Advance], *, deadline_s: float = math.inf
    ) -> Sequence[Advanced | WmsError]:
        """Take holds one step further: confirm, release.

        Raises:
            Overloaded, DeadlinePassed, ShuttingDown: nothing was posted.
            DatabaseUnavailable: nobody knows; the same ids again are safe.
        """
        return await self._ask(self._advances, lines, deadline_s)

    async def extend(
        self, lines: Sequence[Extend], *, deadline_s: float = math.inf
    ) -> Sequence[Extended | WmsError]:
        """Let holds end at another time; raises as `advance` does."""
        return await self._ask(self._extends, lines, deadline_s)

    async def swap(
        self, lines: Sequence[Swap], *, deadline_s: float = math.inf
    ) -> Sequence[Swapped | WmsError]:
        """Let demands exchange what they hold; raises as `advance` does."""
        return await self._ask(self._swaps, lines, deadline_s)

    async def drain(self, *, within_s: float = DRAIN_WITHIN_S) -> None:
        """Take no more, post what is queued, and end; what is left after `within_s` is refused."""
        await asyncio.to_thread(self._close, within_s)

    # ------------------------------------------------------------------ in the callers' threads
    def _ask(
        self, desk: _Desk, lines: Sequence[Any], deadline_s: float
    ) -> "asyncio.Future[Sequence[Any]]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Sequence[Any]] = loop.create_future()
        if not lines:
            future.set_result([])
            return future
        count = len(lines)
        parts = cut([desk.group(line) for line in lines], self._batch_max)
        call = _Call(future, loop, time.monotonic() + deadline_s, [None] * count, len(parts))
        with self._changed:
            if self._is_closing:
                raise ShuttingDown
            if self.depth + count > self._queue_max:
                self.refused += count
                raise Overloaded(self._retry_after_s())
            self.depth += count
            self.asked += count
            for start, stop in parts:
                self._pieces += 1
                desk.queue.append(_Piece(self._pieces, call, start, lines[start:stop]))
            self._changed.notify()
        return future

    def _retry_after_s(self) -> int:
        return min(RETRY_AFTER_MAX_S, max(1, math.ceil(self.depth * self._pace_s)))

    def _close(self, within_s: float) -> None:
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        until = time.monotonic() + within_s
        for writer in self._writers:
            writer.join(max(0.0, until - time.monotonic()))
        self._refuse_all(ShuttingDown)
        for writer in self._writers:
            writer.join()  # a posting under way ends by itself

    # ------------------------------------------------------------------ in the writers' threads
    def _write(self) -> None:
        while True:
            with self._changed:
                while not self.depth:
                    if self._is_closing:
                        return
                    self._changed.wait()
                desk, pieces, late = self._take()
            _finish([(call, DeadlinePassed()) for call in late])
            if pieces:
                self._post(desk, pieces)

    def _take(self) -> tuple[_Desk, list[_Piece], list[_Call]]:
        """What is to be posted next, and whose deadline has passed."""
        desk = min((d for d in self._desks if d.queue), key=lambda d: d.queue[0].number)
        pieces: list[_Piece] = []
        late: list[_Call] = []
        now, room = time.monotonic(), self._batch_max
        while desk.queue and (not pieces or len(desk.queue[0].lines) <= room):
            piece = desk.queue.popleft()
            call, count = piece.call, len(piece.lines)
            self.depth -= count
            if call.until < now and not call.is_begun:
                self.late += count
                late.append(call)
                continue
            call.is_begun = True  # what follows of this call is posted too
            room -= count
            pieces.append(piece)
        return desk, pieces, late

    def _post(self, desk: _Desk, pieces: Sequence[_Piece]) -> None:
        lines = [line for piece in pieces for line in piece.lines]
        groups = [(p.number, desk.group(line)) for p in pieces for line in p.lines]
        keys = [key if key[1] is not None else None for key in groups]
        began = time.monotonic()
        answers = post_each(self._database, desk.post, lines, keys)
        pace_s = (time.monotonic() - began) / len(lines)
        with self._changed:
            self.batches += 1
            self.lines += len(lines)
            self._pace_s += (pace_s - self._pace_s) / 8
        done: list[tuple[_Call, Any]] = []
        at = 0
        for piece in pieces:
            call, count = piece.call, len(piece.lines)
            call.answers[piece.at : piece.at + count] = answers[at : at + count]
            at += count
            call.left -= 1
            if not call.left:
                done.append((call, _failure(call.answers) or call.answers))
        _finish(done)
        if isinstance(answers[-1], DatabaseUnavailable):
            # Those who wait have waited for it already.
            self._refuse_all(partial(_copy, answers[-1]))

    def _refuse_all(self, error: Callable[[], WmsError]) -> None:
        with self._changed:
            calls = {piece.call for desk in self._desks for piece in desk.queue}
            for desk in self._desks:
                desk.queue.clear()
            self.depth = 0
        begun = "a part has been posted: ask again with the same ids"
        _finish([(call, Unavailable(begun) if call.is_begun else error()) for call in calls])


def _failure(answers: Sequence[Any]) -> Exception | None:
    """What a call as a whole fails by, if by anything: no fault of a line."""
    for answer in answers:
        if isinstance(answer, Unavailable):
            return _copy(answer)
        if isinstance(answer, Exception) and not isinstance(answer, WmsError):
            failure = RuntimeError("the posting failed")
            failure.__cause__ = answer
            return failure
    return None


def _copy(error: Unavailable) -> Unavailable:
    """The same once more: each caller raises its own."""
    copy = type(error).__new__(type(error))
    copy.args = error.args
    vars(copy).update(vars(error))
    return copy


def _finish(done: Sequence[tuple[_Call, Any]]) -> None:
    """Tell all callers, with one call into each event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[_Call, Any]]] = {}
    for one in done:
        loops.setdefault(one[0].loop, []).append(one)
    for loop, calls in loops.items():
        try:
            loop.call_soon_threadsafe(_tell, calls)
        except RuntimeError:  # that loop has ended, and its callers with it
            log.warning("stock.callers_gone", calls=len(calls))


def _tell(calls: Sequence[tuple[_Call, Any]]) -> None:
    for call, answer in calls:
        if call.future.done():  # the caller went away
            continue
        if isinstance(answer, Exception):
            call.future.set_exception(answer)
        else:
            call.future.set_result(answer)
