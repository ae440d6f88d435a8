"""What a work packet is made of: sentences, facts, expectations, counts, steps, events.

Only values, as they travel to the handheld (web/src/handheld/packet.ts has the same). What happens
to them is in `wms.work.packet`, from which everything here is imported.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from pydantic import StrictInt, TypeAdapter

Op: TypeAlias = Literal["scan", "count", "choose", "confirm", "print", "photo"]
EventType: TypeAlias = Literal["scan", "qty", "choice", "exception", "undo"]

END = "!end"  # as `next` of a step that is not the last in the list, or in `goto`: finished
DONE = "done"  # the choice that ends an open count


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A sentence for the screen: a code that the device translates, and what to fill in."""

    code: str
    params: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One small line under the big value; `label` is a code; `en`: what English readers see."""

    label: str
    value: str
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What may be scanned or chosen here. No codes: anything of that kind.

    `check`: digits that stand on the place itself and are taken instead of its barcode. Of the
    kinds "serial" and "lot" a GS1 code is compared by the serial or lot that it carries.
    """

    kind: str
    codes: tuple[str, ...] = ()
    check: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """How many, and whether counting by scan or by typing is offered first.

    `open`: the target is not shown and ends nothing; the choice "done" does, also with none.
    `distinct`: every scan must be another unit, and nothing is typed: serials, tags.
    """

    target: int
    max: int
    unit: str = "EA"
    by: Literal["scan", "type"] = "scan"
    open: bool = False
    distinct: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instruction, one big thing.

    online  only the server can judge what is done here: the flow's grower says what comes next
    image   the address of a picture
    goto    where a choice or an exception leads to, instead of `next`
    group   steps that belong together and stand together: skipped, they come last
    """

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
    image: str | None = None
    goto: dict[str, str] = field(default_factory=dict)
    group: str = ""


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
    """An exception: what was wrong at a step, and how many were good."""

    step: str
    code: str
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A piece of work, and how far it is. `step` is the one to do now; None: finished.

    `note` is a supervisor's message; `later` are the groups that were skipped, in the order in
    which they come last.
    """

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
    note: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    reported: tuple[Reported, ...] = ()
    later: tuple[str, ...] = ()
    history: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an event was not taken; the packet is as it was."""

    code: str
    facts: dict[str, str | int] = field(default_factory=dict)


packet_json: TypeAdapter[Packet] = TypeAdapter(Packet)
