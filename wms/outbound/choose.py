"""Service: what the rules say of a parcel that is about to be packed.

How large a box is nobody knows before it is closed; it is no smaller than the largest thing in it.
An order with priority is asked for as level EXPRESS.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.rules import Box
from wms.payments.cod import due_at_the_door
from wms.shipping.prefectures import nearest
from wms.shipping.rules import Facts, choose
from wms.shipping.tables import in_force
from wms.sites import Site

EXPRESS = "EXPRESS"
SIZE_MM = Sku.length_mm + Sku.width_mm + Sku.height_mm


def service_of(session: Session, order: Order, box: Box, site_id: UUID) -> str:
    """The service for a box of this order from this site."""
    facts = _facts(session, order, box, session.get_one(Site, site_id))
    rules, card = in_force(session)
    return choose(rules, facts, card).service


def _facts(session: Session, order: Order, box: Box, site: Site) -> Facts:
    value_minor, size_mm, dangerous = _goods(session, site.id, box)
    return Facts(
        sender=site.prefecture or nearest(site.latitude, site.longitude),
        recipient=order.prefecture,
        weight_g=box.weight_g,
        size_mm=size_mm,
        value_minor=value_minor,
        cod_minor=due_at_the_door(session, order.id, order.currency).amount_minor,
        cool=box.cool,
        dangerous=dangerous,
        level=EXPRESS if order.priority > 0 else "",
        slot=order.slot,
        leave_at=order.leave_at,
    )


def _goods(session: Session, site_id: UUID, box: Box) -> tuple[int, int, bool]:
    """What the goods in the box were sold for, their largest size, whether any is dangerous."""
    units = {each.allocation_id: each.units for each in box.contents}
    query = (
        select(Allocation.id, OrderLine.price_minor, SIZE_MM, Sku.dangerous_goods != "")
        .join(
            OrderLine,
            (OrderLine.order_id == Allocation.order_id) & (OrderLine.line_no == Allocation.line_no),
        )
        .join(Sku, Sku.id == Allocation.sku_id)
        .where(Allocation.site_id == site_id, Allocation.id.in_(units))
    )
    rows = session.execute(query).all()
    return (
        sum(price * units[id_] for id_, price, _, _ in rows),
        max((size for _, _, size, _ in rows), default=0),
        any(dangerous for *_, dangerous in rows),
    )
