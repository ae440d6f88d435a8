"""Suppressed by design: while its cause stands, an alarm that follows from it needs nobody.

    a belt that people stopped ──> the belts before it fill, the sorter after it reads nothing
    a robot that people drive  ──> it is silent, deaf, not where it should be
    a machine out of service   ──> what it speaks for, what stands before it

The rules are `DESIGN` and the site's own `[[suppressions]]`. Three laws:

* what is urgent (priority 1) is never hidden;
* what hides others is in sight: on the list, hidden by nothing that it hides itself, or on the
  list of what is out of service. So nothing disappears without somebody to ask;
* nothing is kept: the moment the cause ends, what it hid is back.

Hidden is not folded: what merely lies under its first cause (wms.control.rules) still counts as
an alarm, for floods too. Pure. Source: ISA-18.2 / IEC 62682, suppressed by design.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from wms.control.rules import OUT, Ground, Seen, Suppression, stands_in

URGENT = 1


def suppressed(
    standing: Sequence[Seen], ground: Ground, out: Collection[str] = ()
) -> dict[str, tuple[str, str]]:
    """By the id of an alarm that is hidden: code and source of what hides it, the first of a chain.

    `out` are machines of which everything is out of service.
    """
    by: dict[str, Seen] = {}
    hiders = sorted(standing, key=lambda one: (one.at, one.id))
    gone = [Seen(id=f"{OUT}/{name}", code=OUT, source=name, at=hiders[0].at)
            for name in sorted(out) if hiders]  # fmt: skip
    rules: dict[str, list[Suppression]] = {}
    for rule in ground.design:
        rules.setdefault(rule.when, []).append(rule)
    for effect in hiders:
        if effect.priority == URGENT:
            continue
        for cause in (*gone, *hiders):
            known = (
                rule for rule in rules.get(cause.code, ())
                if effect.code in rule.hides and _is_there(rule, cause, effect, ground)
            )  # fmt: skip
            if cause.id != effect.id and any(known) and not _hides(effect, cause, by):
                by[effect.id] = cause
                break
    return {id_: (first.code, first.source) for id_ in by for first in [_first(by[id_], by)]}


def _hides(one: Seen, other: Seen, by: Mapping[str, Seen]) -> bool:
    """Whether `other` is hidden by `one`, however far down."""
    while (cause := by.get(other.id)) is not None:
        if cause.id == one.id:
            return True
        other = cause
    return False


def _first(cause: Seen, by: Mapping[str, Seen]) -> Seen:
    while (above := by.get(cause.id)) is not None:
        cause = above
    return cause


def _is_there(rule: Suppression, cause: Seen, effect: Seen, ground: Ground) -> bool:
    match rule.where:
        case "site":
            return True
        case "same":
            return effect.source == cause.source
        case "speaks_for":
            return ground.speaks_for.get(effect.source) == cause.source
        case "circuit":
            return stands_in(cause.source, effect, ground)
        case "before":
            return cause.source in _after(effect.source, ground)
        case "after":
            return effect.source in _after(cause.source, ground)


def _after(name: str, ground: Ground) -> Iterator[str]:
    """What comes after a belt, however far down, each once; a ring comes to itself."""
    seen, next_ = set[str](), list(ground.leads_to.get(name, ()))
    while next_:
        one = next_.pop()
        if one not in seen:
            seen.add(one)
            yield one
            next_ += ground.leads_to.get(one, ())
