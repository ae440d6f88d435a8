"""Start receiving: a person scans a delivery, or opens one that nobody has announced.

Several people may be at one truck: each has a packet, and what one counts the others see.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from wms.catalog import HOUSE_OWNER_ID
from wms.errors import Conflict, NotFound
from wms.ids import SiteId, derive
from wms.inbound.announce import find_asn, lines_of
from wms.inbound.model import OPEN_STATES, Asn, AsnUnit
from wms.inbound.receive_steps import round_steps
from wms.outbound.floor import Floor
from wms.work.model import Task
from wms.work.packet import Fact, code_of
from wms.work.tasks import Actor, NewTask, add_task

BLIND = "blind"


class NotExpected(NotFound):
    """Nothing that was scanned is expected at this site."""

    code: ClassVar[str] = "not_expected"


class SeveralExpected(Conflict):
    """More than one delivery has that number: scan another code of it."""

    code: ClassVar[str] = "several_expected"


def start_inbound(
    session: Session, floor: Floor, site: SiteId, scanned: str, actor: Actor, now: datetime
) -> UUID:
    """The task that receives what was scanned.

    Raises:
        NotExpected: no delivery that is open has that number, order or unit.
        SeveralExpected: more than one has.
    """
    if scanned.strip().casefold() in {"", BLIND}:
        return start_blind(session, floor, site, scanned, actor, now)
    code = code_of(scanned)
    of_unit = select(AsnUnit.asn_id).where(
        AsnUnit.site_id == site, AsnUnit.code == code, AsnUnit.state == "EXPECTED"
    )
    names = {code, scanned.strip()}
    query = select(Asn.id).where(
        Asn.site_id == site,
        Asn.state.in_(OPEN_STATES),
        or_(Asn.number.in_(names), Asn.purchase_order.in_(names), Asn.id.in_(of_unit)),
    )
    found = session.scalars(query.limit(2)).all()
    if not found:
        raise NotExpected(f"a delivery {scanned}")
    if len(found) > 1:
        raise SeveralExpected(f"more than one delivery is {scanned}")
    return _task_for(session, find_asn(session, found[0]), actor, now)


def start_blind(
    session: Session, floor: Floor, site: SiteId, scanned: str, actor: Actor, now: datetime
) -> UUID:
    """A delivery that nobody has announced: what comes of it is what is counted."""
    del floor, scanned
    asn = Asn(
        site_id=site,
        id=derive(site, "blind", str(actor), now.isoformat()),
        kind="BLIND",
        number=f"B-{now:%y%m%d-%H%M%S}-{now.microsecond // 1000:03d}",
        supplier="",
        owner_id=HOUSE_OWNER_ID,
        state="ARRIVED",
        eta_p50=now,
        eta_p90=now,
        body_hash="",
        made_at=now,
        changed_at=now,
        arrived_at=now,
        packets=0,
    )
    session.add(asn)
    session.flush()
    return _task_for(session, asn, actor, now)


def _task_for(session: Session, asn: Asn, actor: Actor, now: datetime) -> UUID:
    """This person's packet at that delivery, one that nobody has in hand, or a new one."""
    query = select(Task).where(
        Task.site_id == asn.site_id,
        Task.kind == "inbound",
        Task.state.in_(("OPEN", "LEASED")),
        Task.plan["asn"].astext == str(asn.id),
    )
    tasks = session.scalars(query.order_by(Task.made_at)).all()
    mine = [task for task in tasks if task.state == "LEASED" and task.device == actor.device]
    free = [
        task
        for task in tasks
        if task.state == "OPEN" or (task.lease_until is not None and task.lease_until < now)
    ]
    for task in [*mine, *free]:
        return task.id
    asn.packets += 1
    id_ = derive(asn.id, "packet", asn.packets)
    new = NewTask(
        id=id_,
        site_id=asn.site_id,
        kind="inbound",
        title=asn.number,
        steps=round_steps(1, asn, so_far(session, asn)),
        plan={"asn": str(asn.id), "last": [], "round": {}},
    )
    add_task(session, new, now=now)
    session.flush()
    return id_


def so_far(session: Session, asn: Asn) -> list[Fact]:
    """How much of a delivery has come, as a screen shows it."""
    lines = lines_of(session, asn)
    came = sum(line.received + line.damaged + line.held for line in lines)
    facts = [Fact(label="received", value=f"{came}/{sum(line.units for line in lines)}")]
    if asn.supplier:
        facts.insert(0, Fact(label="supplier", value=asn.supplier))
    return facts
