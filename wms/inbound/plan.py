"""Plan: what the rules say of goods at a site as it is now."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.inbound import rules
from wms.inbound.model import Putaway
from wms.inbound.places import candidates, places_of
from wms.inbound.policy import latest_table


def decide(  # noqa: PLR0913 - which goods, whose, and where they may not go
    session: Session,
    site: SiteId,
    goods: rules.Goods,
    *,
    me: UUID,
    refused: Sequence[str] = (),
    by_robot: bool = False,
    seconds: bool = True,
) -> rules.Choice:
    """Where goods go at that site, as it is now, and why."""
    table = rules_of(session, site)
    fitting = [rule for rule in table if rules.fits(rule, goods)]
    ids: set[UUID] = set()
    for rule in fitting:
        ids |= set(
            candidates(session, site, goods, zones=rule.zones, storage_types=rule.storage_types)
        )
    places = places_of(session, site, ids, goods, me=me, seconds=seconds)
    if not by_robot or goods.unit != "TOTE":
        places = [place for place in places if place.zone != "ROBOT"]
    return rules.choose(goods, places, fitting, refused=frozenset(refused))


def choice_for(
    session: Session,
    site: SiteId,
    goods: rules.Goods,
    me: UUID,
    refused: Sequence[str],
    *,
    by_robot: bool,
) -> rules.Choice:
    """As `decide`; where there is no room else, somebody's second choice is taken from them."""
    choice = decide(session, site, goods, me=me, refused=refused, by_robot=by_robot)
    had = choice.first.units if choice.first else 0
    if had == goods.units or (choice.first and choice.first.place.face_room is not None):
        return choice
    wider = decide(session, site, goods, me=me, refused=refused, by_robot=by_robot, seconds=False)
    if wider.first is None or wider.first.units <= had:
        return choice
    taken = update(Putaway).where(
        Putaway.site_id == site,
        Putaway.state.in_(("OPEN", "MOVING")),
        Putaway.second_location_id == wider.first.place.id,
    )
    session.execute(taken.values(second_location_id=None))
    return replace(wider, second=None)


def rules_of(session: Session, site: SiteId) -> tuple[rules.Rule, ...]:
    """The putaway rules of a site."""
    table = latest_table(session, site)
    return rules.DEFAULT if table is None else tuple(as_rule(line) for line in table.rules)


def as_rule(line: dict[str, object]) -> rules.Rule:
    """A line of the table, as it is kept."""
    facts = {
        name: tuple(value) if isinstance(value, list) else value for name, value in line.items()
    }
    return rules.Rule(**facts)  # type: ignore[arg-type]
