"""The way through a packet: which step comes next, by branches and round skipped groups.

    next   the step after this one; `goto` of a choice or exception wins; END is the end
    group  steps with the same group stand together, groups stand one after the other. "skip"
           leaves the group: it comes again behind the others, in front of what follows them all

Skipping changes no step, only `later`, the groups that were skipped: leaving one group for the
next passes by those in `later`; behind the last group they are gone through in their order.
"""

from dataclasses import replace

from wms.work.packet_model import END, Packet, Problem, Step


def onward(packet: Packet, step: Step, choice: str = "") -> Packet:
    """Behind this step, which is done."""
    target = step.goto.get(choice, step.next)
    if target == END:
        target = None
    target = _round_skipped(packet, step, target, packet.later)
    done = min(packet.progress.done + 1, packet.progress.total)
    return replace(packet, step=target, progress=replace(packet.progress, done=done))


def skip(packet: Packet, step: Step) -> Packet | Problem:
    """Leave the group of this step for later."""
    inside = [each.id for each in packet.steps if each.group == step.group]
    if not step.group:
        return Problem(code="not_allowed", facts={"exception": "skip"})
    if any(packet.counts.get(each) for each in inside):
        return Problem(code="goods_in_hand")
    others = tuple(group for group in packet.later if group != step.group)
    if step.group in packet.later:
        behind = packet.later[packet.later.index(step.group) + 1 :]
        target = _first(packet, behind[0]) if behind else None
    else:
        target = _round_skipped(packet, step, _exit(packet, step.group), (*others, step.group))
    if target is None or target == _first(packet, step.group):
        return Problem(code="nothing_else")
    passed = inside.index(step.id)
    return replace(
        packet,
        step=target,
        later=(*others, step.group),
        progress=replace(packet.progress, done=max(0, packet.progress.done - passed)),
        choices={each: way for each, way in packet.choices.items() if each not in inside},
    )


def _round_skipped(
    packet: Packet, step: Step, target: str | None, later: tuple[str, ...]
) -> str | None:
    """Where a way out of a group leads, when groups were skipped."""
    if not later or not step.group or group_of(packet, target) == step.group:
        return target
    out = _exit(packet, step.group)
    if target != out and target != _first(packet, group_of(packet, target)):
        return target  # into the middle of something: the flow knows why
    behind = _last_exit(packet)
    if step.group in packet.later:  # its second turn: the other skipped ones, then what follows
        left = packet.later[packet.later.index(step.group) + 1 :]
        return _first(packet, left[0]) if left else behind
    while group_of(packet, target) in later:
        target = _exit(packet, group_of(packet, target))
    return _first(packet, later[0]) if target == behind else target


def group_of(packet: Packet, step_id: str | None) -> str:
    """The group that a step belongs to; "" for none."""
    return next((step.group for step in packet.steps if step.id == step_id), "")


def _first(packet: Packet, group: str) -> str | None:
    return next((step.id for step in packet.steps if group and step.group == group), None)


def _exit(packet: Packet, group: str) -> str | None:
    """The step behind a group."""
    return [step.next for step in packet.steps if step.group == group][-1]


def _last_exit(packet: Packet) -> str | None:
    """The step behind all groups."""
    return [step.next for step in packet.steps if step.group][-1]
