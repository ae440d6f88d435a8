"""How a robot keeps to the standard: what it broke, how often, and whether it is one robot.

    message --> rules that it broke --> counts      how often each, since we listen
                                    --> log         the latest, with their moments
                                    --> score       the share of its last messages without a fault

A fault that its make is known for (`tolerated`, in the site file) is lived with and not counted.

Two processes under one name are worse than any fault, for both drive. They show in that what the
name says goes to and fro: header ids that jump back, one header id for two messages, a place
that it had left. A robot that restarts jumps once; two streams do it all the time.

Laws:
    bounded      whatever arrives, the log and the window have an end
    no way back  a quarantine ends when nothing was doubtful for as long as the doubt was deep
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from edge.drivers.vda5050_model import State
from edge.messages import RobotConformance

UNKNOWN = -1  # a number that the robot did not say
_LOG_MAX = 100
_WINDOW = 200  # messages that the score is of
_RULES_MAX = 200  # different ones that are counted: names may come from a robot
_LIE_S = 5.0  # of `now`, and as many states: so long what it says may be on its way to be true
_LIE_STATES = 3
_TELL_EVERY_S = 60.0  # of `now`: between two words about its conduct, if nothing is urgent
_LATE = 16  # header ids: by so many what comes late may be behind
_SHARED = "two robots answer to this manufacturer and serial number"
_DOUBTFUL = 6
_DOUBT_MAX = 4 * _DOUBTFUL


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that was broken, and when."""

    at: datetime
    rule: str


@dataclass(frozen=True, slots=True)
class Saying:
    """Who says something: what is compared to find two robots under one name."""

    header_id: int
    timestamp: str
    order: str
    update: int
    node: str
    sequence: int


def saying_of(state: State) -> Saying:
    """Who says that state."""
    return Saying(
        header_id=state.headerId,
        timestamp=state.timestamp,
        order=state.orderId,
        update=state.orderUpdateId,
        node=state.lastNodeId,
        sequence=state.lastNodeSequenceId,
    )


class Conduct:
    """What one robot is known to do wrong.

    Attributes:
        counts: how often it broke which rule.
        log: the latest violations, the oldest first.
        messages: how many messages were judged.
    """

    def __init__(self, tolerated: Iterable[str] = ()) -> None:
        self.counts: Counter[str] = Counter()
        self.log: deque[Violation] = deque(maxlen=_LOG_MAX)
        self.messages = 0
        self._tolerated = frozenset(tolerated)
        self._window: deque[bool] = deque(maxlen=_WINDOW)  # whether each was without a fault

    def heard(self, rules: Iterable[str], now: datetime) -> None:
        """A message arrived that broke those rules."""
        self.messages += 1
        self._window.append(True)
        for rule in rules:
            self.note(rule, now)

    def note(self, rule: str, now: datetime) -> None:
        """What it did is against that rule; the last message shows it."""
        if rule in self._tolerated:
            return
        if rule not in self.counts and len(self.counts) >= _RULES_MAX:
            rule = "others"
        self.counts[rule] += 1
        self.log.append(Violation(now, rule))
        if self._window:
            self._window[-1] = False

    @property
    def score(self) -> float:
        """The share of its last messages without a fault, 0 to 1; 1 before the first."""
        return sum(self._window) / len(self._window) if self._window else 1.0


class Identity:
    """Whether one robot, or two, answer to a name."""

    def __init__(self) -> None:
        self.last = Saying(UNKNOWN, "", "", UNKNOWN, "", UNKNOWN)
        self._before: tuple[object, ...] | None = None  # the place before the present one
        self._counts_up = False
        self._doubt = 0
        self.is_shared = False

    def note(self, said: Saying) -> None:
        """Take the next saying in."""
        doubtful = self._jumps_back(said) or self._returns(said)
        self._doubt = min(self._doubt + 2, _DOUBT_MAX) if doubtful else max(0, self._doubt - 1)
        self.is_shared = self._doubt >= _DOUBTFUL or (self.is_shared and self._doubt > 0)
        self._counts_up |= 0 <= self.last.header_id < said.header_id
        if _place(said) != _place(self.last):
            self._before = _place(self.last)
        self.last = said

    def _jumps_back(self, said: Saying) -> bool:
        last = self.last
        if UNKNOWN in (said.header_id, last.header_id):
            return False
        is_other = said.timestamp != last.timestamp  # else a broker said the same thing twice
        repeats = self._counts_up and said.header_id == last.header_id and is_other
        return said.header_id < last.header_id or repeats

    def _returns(self, said: Saying) -> bool:
        """It is again where it was before: within one order a robot only goes on."""
        if _place(said) == _place(self.last) or _place(said) != self._before:
            return False
        return said.sequence != UNKNOWN or said.order != self.last.order


class Trust:
    """Whether a robot is to be trusted, and what is told of that.

    Attributes:
        identity: whether two robots answer to its name.
    """

    def __init__(self, conduct: Conduct) -> None:
        self.identity = Identity()
        self._conduct = conduct
        self._doubts: Mapping[str, str] = {}
        self._lies: tuple[datetime, int] | None = None  # since when, in how many states
        self._told: tuple[str, int] | None = None
        self._told_at: datetime | None = None

    def is_late(self, said: Saying) -> bool:
        """Whether something that it said later was heard before: by its own numbers and times.

        Who has restarted counts from 0 again, and says it at a later time.
        """
        last = self.identity.last
        if UNKNOWN in (said.header_id, last.header_id) or not said.timestamp:
            return False
        is_behind = 0 < last.header_id - said.header_id <= _LATE
        return is_behind and said.timestamp <= last.timestamp

    def take(self, said: Saying, doubts: Mapping[str, str], now: datetime) -> None:
        """Take a state in: who said it, and which actions it calls FINISHED in vain."""
        self.identity.note(said)
        since, count = self._lies or (now, 0)
        self._lies = (since, count + 1) if doubts else None
        self._doubts = doubts

    def quarantine(self, now: datetime) -> str:
        """Why the robot is not to be trusted any more; empty while it is."""
        if self.identity.is_shared:
            return _SHARED
        since, count = self._lies or (now, 0)
        if count >= _LIE_STATES and (now - since).total_seconds() >= _LIE_S:
            action, doubt = next(iter(self._doubts.items()))
            return f"says that {action} is FINISHED: {doubt}"
        return ""

    def news(self, robot: str, now: datetime, *, again: bool = False) -> RobotConformance | None:
        """How it keeps to the standard, when that is news; or `again` in any case.

        The first word is always news: whoever raised an alarm before we began may clear it.
        """
        conduct, why = self._conduct, self.quarantine(now)
        told_why, told_rules = self._told or (None, 0)
        is_time = self._told_at is None or (now - self._told_at).total_seconds() >= _TELL_EVERY_S
        if not (again or why != told_why or (len(conduct.counts) != told_rules and is_time)):
            return None
        self._told, self._told_at = (why, len(conduct.counts)), now
        return RobotConformance(
            at=now,
            robot=robot,
            score=round(conduct.score, 3),
            messages=conduct.messages,
            broken=tuple(conduct.counts.most_common(10)),
            quarantined=why,
        )


def _place(said: Saying) -> tuple[object, ...]:
    return said.order, said.update, said.node, said.sequence
