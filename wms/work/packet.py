"""Work packets: a piece of work as a handheld walks through it, one scan at a time.

The whole flow is data. A packet is a list of steps; the device shows one, and each event (a scan,
a typed quantity, a choice, an exception, an undo) leads to the next packet or to a problem:

    reduce(packet, event) -> Packet | Problem

The same function exists in TypeScript (web/src/handheld/packet.ts); both are run on the vectors
in tests/vectors/packets, so a device that is offline goes on exactly as the server would.

    events     once for an id (a known id is a duplicate, answered by the task pool, not here);
               `rev` is the packet's, which changes only when the server hands the packet to
               somebody else: who comes late is told "stale_packet"
    scan       must match `expect` (any code, when there is none), or be its check digits; on a
               step with a quantity it counts one
    qty        the whole count of this step, typed; something must have been scanned before
    choice     answers choose, confirm, print and photo (the id of the picture); "done" ends an
               open count
    exception  ends a step with what was found: {"code": "short", "found": 2}. "skip" puts the
               step's group behind the others, "supervisor" calls somebody and ends nothing
    undo       takes the last event back, where its step allows it; a finished packet stays finished
    online     a step that only the server can judge. It reduces as any other; then the server
               may refuse, or put in steps that come next (`grown`)

State is a fold over `history`: undo is the fold without its last event. Each event is taken at
the step that it names, so the fold holds where steps were put in since.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from wms.work.codes import bare, code_of, part_of, unit_of
from wms.work.packet_model import (
    DONE,
    END,
    Event,
    EventType,
    Expect,
    Fact,
    Op,
    Packet,
    Problem,
    Progress,
    Quantity,
    Reported,
    Say,
    Step,
    Trouble,
    packet_json,
)
from wms.work.packet_way import onward, skip

__all__ = [
    "DONE", "END", "Event", "EventType", "Expect", "Fact", "Op", "Packet", "Problem", "Progress",
    "Quantity", "Reported", "Say", "Step", "Trouble", "code_of", "grown", "new_packet",
    "packet_json", "reduce", "scanned_for", "scans",
]  # fmt: skip

ANSWERED = frozenset({"choose", "confirm", "print", "photo"})
CALL = "supervisor"


def new_packet(
    packet_id: UUID, kind: str, title: str, steps: tuple[Step, ...], lease_until: datetime
) -> Packet:
    """A packet of these steps, one after the other, at its first."""
    assert steps
    return Packet(
        id=packet_id,
        kind=kind,
        rev=1,
        title=title,
        lease_until=lease_until,
        progress=Progress(done=0, total=len(steps)),
        steps=_in_a_row(steps, None),
        exceptions=_exceptions(steps),
        done_say=Say(code=f"{kind}.done"),
        step=steps[0].id,
    )


def grown(packet: Packet, steps: Sequence[Step], *, instead: bool = False) -> Packet:
    """The packet with these steps to do now; then what was to come, or (`instead`) nothing else.

    For growers. Steps with an id that is there already replace it, so that what was undone and
    done again grows the same way.
    """
    assert steps
    new = {step.id for step in steps}
    seen = {event.step for event in packet.history}
    assert not new & seen, "a step that was done does not change"
    last = packet.history[-1].step if packet.history else None
    then = None if instead or packet.step in new else packet.step
    stays = seen if instead else {step.id for step in packet.steps}
    kept = [step for step in packet.steps if step.id in stays - new]
    at = next((n for n, step in enumerate(kept, start=1) if step.id == last), len(kept))
    all_steps = (*kept[:at], *_in_a_row(tuple(steps), then), *kept[at:])
    return replace(
        packet,
        steps=all_steps,
        step=steps[0].id,
        exceptions=_exceptions(all_steps),
        progress=replace(packet.progress, total=len(all_steps)),
    )


def scans(packet: Packet, step_id: str) -> tuple[str, ...]:
    """What was scanned at a step, as it was read, in order."""
    return tuple(
        event.value
        for event in packet.history
        if event.step == step_id and event.type == "scan" and isinstance(event.value, str)
    )


def scanned_for(packet: Packet, step_id: str) -> tuple[str, ...]:
    """What each scan at a step stands for: the expected code that it met, else what it means.

    Of check digits, and of a GTIN that means the goods, it is the first code of what was wanted.
    """
    step = next(step for step in packet.steps if step.id == step_id)
    met = ((_met(step, scanned), scanned) for scanned in scans(packet, step_id))
    return tuple(
        expect.codes[0] if expect and expect.codes else code_of(scanned) for expect, scanned in met
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


def _in_a_row(steps: tuple[Step, ...], then: str | None) -> tuple[Step, ...]:
    """Each step leads to the one behind it, unless it says itself where it leads."""
    followers = [*(step.id for step in steps[1:]), then]
    return tuple(
        replace(step, next=None if step.next == END else step.next or follower)
        for step, follower in zip(steps, followers, strict=True)
    )


def _exceptions(steps: Sequence[Step]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for step in steps for code in step.allow if code != "undo"))


def _belongs(packet: Packet, event: Event) -> Problem | None:
    if event.packet != packet.id:
        return Problem(code="other_packet")
    if event.rev != packet.rev:
        return Problem(code="stale_packet", facts={"rev": packet.rev})
    return Problem(code="packet_done") if packet.step is None else None


def _undo(packet: Packet) -> Packet | Problem:
    if not packet.history:
        return Problem(code="nothing_to_undo")
    last = packet.history[-1].step
    if any("undo" not in step.allow for step in packet.steps if step.id == last):
        return Problem(code="cannot_undo")
    fresh = replace(
        packet,
        step=packet.steps[0].id,
        progress=replace(packet.progress, done=0),
        counts={},
        choices={},
        reported=(),
        later=(),
        history=(),
    )
    for event in packet.history[:-1]:
        again = reduce(replace(fresh, step=event.step), event)
        assert isinstance(again, Packet), "what was accepted once is accepted again"
        fresh = again
    return replace(fresh, step=last)


def _apply(packet: Packet, step: Step, event: Event) -> Packet | Problem:
    value = event.value
    if event.type == "scan" and isinstance(value, str):
        return _scan(packet, step, value)
    if event.type == "qty" and isinstance(value, int) and step.qty:
        return _type(packet, step, step.qty, value)
    if event.type == "choice":
        return _choose(packet, step, "" if value is None else str(value))
    if event.type == "exception" and isinstance(value, Trouble):
        return _except(packet, step, value)
    return Problem(code="wrong_type", facts={"op": step.op})


def _scan(packet: Packet, step: Step, scanned: str) -> Packet | Problem:
    if step.op not in {"scan", "count"}:
        return Problem(code="wrong_type", facts={"op": step.op})
    if step.expect and _met(step, scanned) is None:
        wanted = next((code for expect in step.expect for code in expect.codes), "")
        return Problem(code="wrong_scan", facts={"scanned": scanned, "wanted": wanted})
    if step.qty is None:
        return onward(packet, step)
    if step.qty.distinct and unit_of(scanned) in map(unit_of, scans(packet, step.id)):
        return Problem(code="scanned_twice", facts={"scanned": scanned})
    return _count(packet, step, step.qty, packet.counts.get(step.id, 0) + 1)


def _met(step: Step, scanned: str) -> Expect | None:
    """The expectation that a scan meets."""
    for expect in step.expect:
        code = part_of(scanned, expect.kind)
        wanted = (part_of(each, expect.kind) for each in expect.codes)
        if not expect.codes or code in wanted or bare(scanned) in expect.check:
            return expect
    return None


def _type(packet: Packet, step: Step, qty: Quantity, units: int) -> Packet | Problem:
    if qty.distinct:
        return Problem(code="scan_each")
    if units < 0 or (units == 0 and not qty.open):
        return Problem(code="not_a_count", facts={"units": units})
    if units and step.expect and not packet.counts.get(step.id):
        return Problem(code="scan_first")
    return _count(packet, step, qty, units)


def _count(packet: Packet, step: Step, qty: Quantity, units: int) -> Packet | Problem:
    if units > qty.max:
        return Problem(code="too_many", facts={"max": qty.max})
    counted = replace(packet, counts={**packet.counts, step.id: units})
    return onward(counted, step) if units >= qty.target and not qty.open else counted


def _choose(packet: Packet, step: Step, choice: str) -> Packet | Problem:
    if step.qty and step.qty.open and choice == DONE:
        counts = {**packet.counts, step.id: packet.counts.get(step.id, 0)}
        return onward(replace(packet, counts=counts), step, choice)
    if step.op not in ANSWERED:
        return Problem(code="wrong_type", facts={"op": step.op})
    codes = [code for expect in step.expect for code in expect.codes]
    if codes and choice not in codes:
        return Problem(code="wrong_choice", facts={"chosen": choice})
    if step.op == "photo" and not choice and "skip_photo" not in step.allow:
        return Problem(code="photo_needed")
    return onward(replace(packet, choices={**packet.choices, step.id: choice}), step, choice)


def _except(packet: Packet, step: Step, trouble: Trouble) -> Packet | Problem:
    if trouble.code not in step.allow or trouble.code == "undo":
        return Problem(code="not_allowed", facts={"exception": trouble.code})
    if trouble.code == "skip":
        return skip(packet, step)
    reported = Reported(step=step.id, code=trouble.code, found=trouble.found)
    told = replace(packet, reported=(*packet.reported, reported))
    if trouble.code == CALL:
        return told
    if step.qty:
        most = step.qty.max if step.qty.open else step.qty.target - 1
        if not 0 <= trouble.found <= most:
            return Problem(code="not_a_count", facts={"units": trouble.found})
        told = replace(told, counts={**packet.counts, step.id: trouble.found})
    return onward(told, step, trouble.code)
