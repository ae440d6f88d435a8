"""Hand: what a search holds of the question it answers: whom to tell, and whether to stop.

    hand = Hand(database, clock, id)
    Limits(..., stop=hand.stop), progress=hand.told

Both look into the database at most twice a second, in a transaction of their own; so a question
that is being searched is also heard of, and no other worker takes it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from edge.clock import Clock
from optimizer.result import Limits, Stopwatch
from wms.database import Database
from wms.planner.model import PlanQuestion

EVERY_S = 0.5
TRAIL_MAX = 200  # points of the progress that are kept


@dataclass(slots=True)
class Hand:
    """Of one question."""

    database: Database
    clock: Clock
    id: UUID
    _watch: Stopwatch = field(default_factory=Stopwatch)
    _looked_s: float = -EVERY_S
    _is_stopped: bool = False
    _trail: list[list[float | None]] = field(default_factory=list)

    def told(self, best: float, bound: float | None) -> None:
        """The search is so far."""
        self._trail.append([round(self._watch.elapsed_s, 3), best, bound])
        if len(self._trail) > TRAIL_MAX:
            del self._trail[1::2]
        self._look()

    def stop(self) -> bool:
        """Whether somebody is content with the best so far."""
        self._look()
        return self._is_stopped

    def limits(self, usual: Limits) -> Limits:
        """These, until somebody is content."""
        return replace(usual, stop=self.stop)

    def _look(self) -> None:
        elapsed_s = self._watch.elapsed_s
        if elapsed_s - self._looked_s < EVERY_S:
            return
        self._looked_s = elapsed_s
        self._is_stopped = self.database.run(self._say)

    def _say(self, session: Session) -> bool:
        row = session.get_one(PlanQuestion, self.id)
        row.progress, row.seen_at = list(self._trail), self.clock.now()
        return row.stop_wanted


Search: TypeAlias = Callable[[Hand], dict[str, Any]]
"""What a kind of question is answered by, once what there is has been read."""
