"""Work packets: a piece of work as a handheld walks through it, one scan at a time.

The whole flow is data. A packet is a list of steps; the device shows one, and each event (a scan,
a typed quantity, a choice, an exception, an undo) leads to the next packet or to a problem:

    reduce(packet, event) -> Packet | Problem

The same function exists in TypeScript (web/src/handheld/packet.ts); both are run on the vectors
in tests/vectors/packets, so a device that is offline goes on exactly as the server would.

    events     once for an id (a known id is a duplicate, answered by the task pool, not here);
               `rev` is the packet's, which changes only when the server hands the packet to
               somebody else: who comes late is told "stale_packet"
    scan       must match `expect` (any code, when there is none); on a step with a quantity it
               counts one
    qty        the whole count of this step, typed; something must have been scanned before
    choice     answers choose, confirm and print
    exception  ends a step with what was found: {"code": "short", "found": 2}
    undo       takes the last event back; a finished packet stays finished

State is a fold over `history`: undo is the fold without its last event.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from pydantic import StrictInt, TypeAdapter

Op: TypeAlias = Literal["scan", "count", "choose", "confirm", "print", "photo"]
EventType: TypeAlias = Literal["scan", "qty", "choice", "exception", "undo"]

_SYMBOLOGY = re.compile(r"^\][A-Za-z]\w")
_SSCC = re.compile(r"^00(\d{18})$")
_GTIN = re.compile(r"^01(\d{14})")
_GTIN_LENGTHS = frozenset({8, 12, 13, 14})


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A sentence for the screen: a code that the device translates, and what to fill in."""

    code: str
    params: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One small line under the big value; `label` is a code."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What may be scanned or chosen here. No codes: anything of that kind."""

    kind: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """How many, and whether counting by scan or by typing is offered first."""

    target: int
    max: int
    unit: str = "EA"
    by: Literal["scan", "type"] = "scan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instruction, one big thing."""

    id: str
    op: Op
    say: Say
    big: str
    facts: tuple[Fact, ...] = ()
    expect: tuple[Expect, ...] = ()
    qty: Quantity | None = None
    next: str | None = None
    allow: tuple[str, ...] = ("undo",)
    online: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The value of an exception event: what is wrong, and how many were good."""

    code: str
    found: StrictInt = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a person did on a device."""

    id: UUID
    packet: UUID
    rev: int
    step: str
    type: EventType
    value: str | StrictInt | Trouble | None
    at: datetime
    seq: int
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Steps done, of all."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A step that ended with an exception."""

    step: str
    code: str
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A piece of work, and how far it is. `step` is the one to do now; None: finished."""

    id: UUID
    kind: str
    rev: int
    title: str
    lease_until: datetime
    progress: Progress
    steps: tuple[Step, ...]
    exceptions: tuple[str, ...]
    done_say: Say
    step: str | None
    site: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    reported: tuple[Reported, ...] = ()
    history: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an event was not taken; the packet is as it was."""

    code: str
    facts: dict[str, str | int] = field(default_factory=dict)


packet_json: TypeAdapter[Packet] = TypeAdapter(Packet)


def new_packet(
    packet_id: UUID, kind: str, title: str, steps: tuple[Step, ...], lease_until: datetime
) -> Packet:
    """A packet of these steps, one after the other, at its first."""
    assert steps
    followers = [*(step.id for step in steps[1:]), None]
    exceptions = dict.fromkeys(code for step in steps for code in step.allow if code != "undo")
    return Packet(
        id=packet_id,
        kind=kind,
        rev=1,
        title=title,
        lease_until=lease_until,
        progress=Progress(done=0, total=len(steps)),
        steps=tuple(
            replace(step, next=follower) for step, follower in zip(steps, followers, strict=True)
        ),
        exceptions=tuple(exceptions),
        done_say=Say(code=f"{kind}.done"),
        step=steps[0].id,
    )


def reduce(packet: Packet, event: Event) -> Packet | Problem:
    """What the packet is after that event, or why the event cannot be taken."""
    if problem := _belongs(packet, event):
        return problem
    if event.type == "undo":
        return _undo(packet)
    step = next((step for step in packet.steps if step.id == packet.step), None)
    if step is None or event.step != step.id:
        return Problem(code="other_step", facts={"step": packet.step or ""})
    after = _apply(packet, step, event)
    if isinstance(after, Problem):
        return after
    return replace(after, history=(*packet.history, event))


def code_of(scanned: str) -> str:
    """What a scan means for matching: no symbology id, the SSCC or GTIN of a GS1 code."""
    text = _SYMBOLOGY.sub("", scanned.strip())
    if sscc := _SSCC.match(text):
        return sscc[1]
    if gtin := _GTIN.match(text):
        return gtin[1].lstrip("0")
    return text.lstrip("0") if text.isdecimal() and len(text) in _GTIN_LENGTHS else text


def _belongs(packet: Packet, event: Event) -> Problem | None:
    if event.packet != packet.id:
        return Problem(code="other_packet")
    if event.rev != packet.rev:
        return Problem(code="stale_packet", facts={"rev": packet.rev})
    return Problem(code="packet_done") if packet.step is None else None


def _undo(packet: Packet) -> Packet | Problem:
    if not packet.history:
        return Problem(code="nothing_to_undo")
    fresh = replace(
        packet,
        step=packet.steps[0].id,
        progress=replace(packet.progress, done=0),
        counts={},
        choices={},
        reported=(),
        history=(),
    )
    for event in packet.history[:-1]:
        again = reduce(fresh, event)
        assert isinstance(again, Packet), "what was accepted once is accepted again"
        fresh = again
    return fresh


def _apply(packet: Packet, step: Step, event: Event) -> Packet | Problem:
    value = event.value
    if event.type == "scan" and isinstance(value, str):
        return _scan(packet, step, value)
    if event.type == "qty" and isinstance(value, int) and step.qty:
        return _type(packet, step, step.qty, value)
    if event.type == "choice" and step.op in {"choose", "confirm", "print"}:
        return _choose(packet, step, "" if value is None else str(value))
    if event.type == "exception" and isinstance(value, Trouble):
        return _except(packet, step, value)
    return Problem(code="wrong_type", facts={"op": step.op})


def _scan(packet: Packet, step: Step, scanned: str) -> Packet | Problem:
    if step.op not in {"scan", "count"}:
        return Problem(code="wrong_type", facts={"op": step.op})
    if not _expected(step, scanned):
        wanted = next((code for expect in step.expect for code in expect.codes), "")
        return Problem(code="wrong_scan", facts={"scanned": scanned, "wanted": wanted})
    if step.qty is None:
        return _next(packet, step)
    return _count(packet, step, step.qty, packet.counts.get(step.id, 0) + 1)


def _expected(step: Step, scanned: str) -> bool:
    code = code_of(scanned)
    return not step.expect or any(
        not expect.codes or code in map(code_of, expect.codes) for expect in step.expect
    )


def _type(packet: Packet, step: Step, qty: Quantity, units: int) -> Packet | Problem:
    if units <= 0:
        return Problem(code="not_a_count", facts={"units": units})
    if step.expect and not packet.counts.get(step.id):
        return Problem(code="scan_first")
    return _count(packet, step, qty, units)


def _count(packet: Packet, step: Step, qty: Quantity, units: int) -> Packet | Problem:
    if units > qty.max:
        return Problem(code="too_many", facts={"max": qty.max})
    counted = replace(packet, counts={**packet.counts, step.id: units})
    return _next(counted, step) if units >= qty.target else counted


def _choose(packet: Packet, step: Step, choice: str) -> Packet | Problem:
    codes = [code for expect in step.expect for code in expect.codes]
    if codes and choice not in codes:
        return Problem(code="wrong_choice", facts={"chosen": choice})
    return _next(replace(packet, choices={**packet.choices, step.id: choice}), step)


def _except(packet: Packet, step: Step, trouble: Trouble) -> Packet | Problem:
    if trouble.code not in step.allow or trouble.code == "undo":
        return Problem(code="not_allowed", facts={"exception": trouble.code})
    if step.qty and not 0 <= trouble.found < step.qty.target:
        return Problem(code="not_a_count", facts={"units": trouble.found})
    reported = Reported(step=step.id, code=trouble.code, found=trouble.found)
    counts = {**packet.counts, step.id: trouble.found} if step.qty else packet.counts
    return _next(replace(packet, counts=counts, reported=(*packet.reported, reported)), step)


def _next(packet: Packet, step: Step) -> Packet:
    done = packet.progress.done + 1
    return replace(packet, step=step.next, progress=replace(packet.progress, done=done))
