"""Release channels: a site releases by itself, each channel as much as its limit leaves room for.

An order is the first channel's that it fits. A site that has said nothing has one channel for
everything, with the floor's limit. A channel with no room at all leaves its orders to waves.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, false, not_, or_, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.errors import NotFound
from wms.ids import SiteId
from wms.orders.model import Allocation
from wms.outbound.bind import DEFAULT, Binding
from wms.outbound.few_totes import Wanted, look
from wms.outbound.floor import Floor
from wms.outbound.release import in_turn, lines_in_work, release_site
from wms.outbound.style import Release, Style
from wms.sites import site_id, sites_by_code
from wms.waves.model import ReleaseChannel
from wms.waves.near import near_orders
from wms.waves.which import Which, condition

Choose: TypeAlias = Literal["TURN", "NEAR"]
MORE = ("shelf_life", "choose", "hurry_min")  # kept with the binding
_WHICH, _STYLE, _BINDING = TypeAdapter(Which), TypeAdapter(Style), TypeAdapter(Binding)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel: whose turn it is (`position`), which orders, how many lines at a time, and how.

    `choose`: orders in their TURN, or those that are NEAR what is picked anyway (wms.waves.near);
    what is promised within `hurry_min` minutes is not passed over then.
    `shelf_life`: thousandths of its life that a lot must have left, by the channel of the order.
    """

    site: str
    code: str
    wip_lines_max: int
    position: int = 0
    which: Which = field(default_factory=Which)
    style: Style = field(default_factory=Style)
    binding: Binding = DEFAULT
    shelf_life: Mapping[str, int] = field(default_factory=dict)
    choose: Choose = "TURN"
    hurry_min: int = 60
    active: bool = True

    @property
    def how(self) -> Release:
        """How what it releases is bound and picked."""
        return Release(
            style=self.style,
            binding=self.binding,
            shelf_life=self.shelf_life,
            channel=self.code,
        )


def save_channel(session: Session, channel: Channel, *, now: datetime) -> bool:
    """Make or change a channel; whether it is new.

    Raises:
        NotFound: there is no such site.
    """
    site = known_site(session, channel.site)
    row = {
        "site_id": site, "code": channel.code, "position": channel.position,
        "which": asdict(channel.which), "wip_lines_max": channel.wip_lines_max,
        "style": asdict(channel.style), "active": channel.active, "changed_at": now,
        "binding": asdict(channel.binding) | {
            "shelf_life": dict(channel.shelf_life), "choose": channel.choose,
            "hurry_min": channel.hurry_min,
        },
    }  # fmt: skip
    is_new = session.get(ReleaseChannel, (site, channel.code)) is None
    statement = insert(ReleaseChannel).values(row)
    session.execute(statement.on_conflict_do_update(index_elements=["site_id", "code"], set_=row))
    session.expire_all()
    return is_new


def channels_of(session: Session, site: str) -> list[Channel]:
    """The channels of a site, in their turn."""
    query = (
        select(ReleaseChannel)
        .where(ReleaseChannel.site_id == site_id(site))
        .order_by(ReleaseChannel.position, ReleaseChannel.code)
    )
    return [_channel(site, row) for row in session.scalars(query)]


def channel_of(session: Session, site: str, code: str) -> Channel:
    """A channel.

    Raises:
        NotFound: there is none.
    """
    row = session.get(ReleaseChannel, (site_id(site), code))
    if row is None:
        raise NotFound(f"release channel {code} of {site}")
    return _channel(site, row)


def codes_in_turn(session: Session, site: SiteId) -> list[str | None]:
    """The channels that release at that site; None: the one of a site that has said nothing."""
    query = (
        select(ReleaseChannel.code, ReleaseChannel.active)
        .where(ReleaseChannel.site_id == site)
        .order_by(ReleaseChannel.position, ReleaseChannel.code)
    )
    rows = session.execute(query).all()
    return [code for code, active in rows if active] if rows else [None]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a channel may release now: which allocations, how many lines, and how."""

    mine: ColumnElement[bool]
    room: int
    how: Release


def release_channel(  # noqa: PLR0913 - what, how much, how
    session: Session,
    site: SiteId,
    floor: Floor,
    code: str | None,
    *,
    now: datetime,
    only: ColumnElement[bool] | None = None,
    totes: frozenset[UUID] = frozenset(),
) -> int:
    """Release what there is room for in that channel; how many lines.

    `totes` are taken rather than others where its rules ask for few (`totes_for`, and choose).
    """
    if code is None:
        return release_site(session, site, floor, now=now, only=only)
    turn = _turn(session, site, code, now, only)
    if turn is None:
        return 0
    how = replace(turn.how, totes=totes)
    return release_site(session, site, floor, now=now, only=turn.mine, how=how, room=turn.room)


def totes_for(
    session: Session,
    site: SiteId,
    code: str | None,
    *,
    now: datetime,
    only: ColumnElement[bool] | None = None,
) -> Wanted | None:
    """What that channel would release now of which totes; None where nobody asks for few."""
    row = None if code is None else session.get(ReleaseChannel, (site, code))
    if row is None or "FEW_TOTES" not in row.binding["rules"]:
        return None
    turn = _turn(session, site, row.code, now, only)
    if turn is None:
        return None
    waiting = session.scalars(in_turn(site, turn.mine, turn.room)).all()
    return look(session, site, waiting, turn.how, now)


def _turn(
    session: Session, site: SiteId, code: str, now: datetime, only: ColumnElement[bool] | None
) -> Turn | None:
    """What is that channel's now; None: it has no room, or is none."""
    query = (
        select(ReleaseChannel)
        .where(ReleaseChannel.site_id == site, ReleaseChannel.active)
        .order_by(ReleaseChannel.position, ReleaseChannel.code)
    )
    before: list[ColumnElement[bool]] = []
    for row in session.scalars(query):
        channel = _channel("", row)
        its = condition(session, site, channel.which, now=now)
        if row.code != code:
            before.append(its)
            continue
        room = channel.wip_lines_max - lines_in_work(session, site, code)
        if room <= 0:
            return None
        mine = and_(its, not_(or_(false(), *before)), true() if only is None else only)
        if channel.choose == "NEAR":
            near = near_orders(
                session, site, mine, channel.how, room=room, hurry_min=channel.hurry_min, now=now
            )
            mine = and_(mine, Allocation.order_id.in_(near))
        return Turn(mine, room, channel.how)
    return None


def known_site(session: Session, code: str) -> SiteId:
    """The id of a site that there is.

    Raises:
        NotFound: there is none of that code.
    """
    if code not in sites_by_code(session, [code]):
        raise NotFound(f"site {code}")
    return site_id(code)


def _channel(site: str, row: ReleaseChannel) -> Channel:
    binding: dict[str, Any] = dict(row.binding)
    more = {name: binding.pop(name) for name in MORE if name in binding}
    return Channel(
        site=site,
        code=row.code,
        wip_lines_max=row.wip_lines_max,
        position=row.position,
        which=_WHICH.validate_python(row.which),
        style=_STYLE.validate_python(row.style),
        binding=_BINDING.validate_python(binding),
        **more,
        active=row.active,
    )
