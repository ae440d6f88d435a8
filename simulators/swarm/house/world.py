"""A day with the whole office: web and worker on PostgreSQL, joined to the WCS and the machines.

    customers, suppliers, carrier ~~~ web ─┬─ PostgreSQL ─┬─ worker ~~~ WCS ~~~ edge ~~~ machines
            people with handhelds ~~~~~~~~~┘              └─ jobs

All share one virtual time and one seed. When something has changed, some laws of `soko verify`
are asked within two minutes, every hour all of them. When the mishaps are over every order comes
to its end: delivered, cancelled, or short of what nobody has; and what the books say is what really
lies there.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session
from typing_extensions import override

from edge.stream import Ack, Batch
from simulators.swarm.house.outside import Outside, SwarmCarrier
from simulators.swarm.house.people import LOOKS_S, Goods, Operator
from simulators.swarm.house.process import Answer, Died, House, Letters, Mortal
from simulators.swarm.house.stage import HUB, PLACES, TOTE_OF, masters
from simulators.swarm.laws import law
from simulators.swarm.line import Line
from simulators.swarm.machines import Machines
from simulators.swarm.plan import HOUR_S, Item, Plan
from simulators.swarm.site import site_text
from simulators.swarm.walk import Gate
from wms.books import ALL_LAWS
from wms.outbound.floor import Floor
from wms.outbound.model import Parcel
from wms.stock.laws import LAWS
from wms.stock.verify import Law, verify

LIVELY_S = 3 * HOUR_S
ROUND_S, SLOW_S, LOOK_S = 90.0, 1_500.0, 3_600.0
LANES = ("L1", "L2", "L3", "L4")  # of the carrier's services
QUICK = ("source", "release", "pack", "book")
CHEAP = tuple(each for each in LAWS if each.code in {"I1", "I4", "I5", "I6", "I10"})
LEFT = ("SHIPPED", "DELIVERED")
ENDED = frozenset({"SHIPPED", "DELIVERED", "CANCELLED", "BACKORDERED"})
DELIVERED_S = 1_800.0


class HouseWorld(Machines):
    """One run; `database`: empty but for the schema."""

    def __init__(self, plan: Plan, folder: Path, database: Mortal) -> None:
        nodes = {tote: home[:-2] for tote, home in TOTE_OF.items()}
        super().__init__(plan, folder, nodes, site_text(LANES))
        self.belt.lanes |= {lane: [] for lane in LANES}
        self.database, self._chance = database, Random(f"{plan.seed}/world")
        self.carrier = SwarmCarrier(lambda: self.timeline.now, Random(f"{plan.seed}/carrier"))
        hub = Floor(hub_code=HUB, stations={"ST-1": 2})
        chance = Random(f"{plan.seed}/house")
        self.house = House(database, self.timeline, hub, self.carrier, chance)
        self.house.on_start = self._started
        for method, path, body in masters():
            law(self.house.ask(method, path, json=body).good, f"{method} {path} is refused")
        self.goods = Goods()
        self.operators = [
            Operator(
                f"hh-{n}", self.timeline, self.ask, self.lines["hand"], self.goods,
                Random(f"{plan.seed}/hh-{n}"),
            )
            for n in (1, 2)
        ]  # fmt: skip
        self.outside = Outside(
            plan.seed, self.timeline, self.ask, self.lines["shop"], self.goods, self.operators,
            self._at_customer,
        )  # fmt: skip
        self.gate = Gate(self.timeline, self.tag)
        self.gone: Counter[str] = Counter()  # parcels that the carrier has taken away
        self._dirty = True
        self.letters = Letters(self.house)
        self.letters.number()
        self.begin(self.letters)
        for operator in self.operators:
            operator.lay = self.belt.put
            operator.begin()
        self.timeline.later(ROUND_S, self._round)
        self.timeline.later(SLOW_S, self._slow_round)
        self.timeline.later(LOOKS_S, self._dock_round)
        self.timeline.later(LOOK_S, self._look)
        self.plan_items()

    # ----------------------------------------------------------------------------- plan
    @override
    def want(self, item: Item) -> None:
        self.outside.want(item)

    @override
    def carrier_is(self, *, up: bool) -> None:
        self.carrier.up = up

    @override
    def kill_office(self, death: str) -> None:
        if death:
            after = self._chance.choice((0, 0, 1, 2, 3))
            self.database.kill("before" if death == "before" else "after", after=after)
        else:
            self.database.revive()

    # ---------------------------------------------------------------------------- office
    def _started(self, process: str) -> None:
        """Its keeper has started it again: a worker says what the old one may not have said."""
        if process == "worker":
            self.core.stop()
            self.begin_saying(self.letters)
            self._work(QUICK)

    @override
    def office_takes(self, batch: Batch) -> Ack | None:
        try:
            ack = self.house.take(batch)
        except Died:
            return None
        self._dirty |= bool(batch.messages)
        return ack

    def ask(
        self, line: Line, then: Callable[[Answer], None], method: str, path: str, **what: Any
    ) -> None:
        """A request over a network; the answer may not come back."""

        def arrived() -> None:
            try:
                answer = self.house.ask(method, path, **what)
            except Died:
                return
            self._dirty |= method != "GET"
            line.carry(lambda: then(answer))

        line.carry(arrived)

    def _work(self, names: tuple[str, ...] = ()) -> None:
        """The worker's round, and what it has to say."""
        try:
            self._dirty = self.house.work(names) > 0
            self.letters.number()
        except Died:
            self._dirty = True
        self.core.wake()
        self.judge(CHEAP)

    def _round(self) -> None:
        self.timeline.later(ROUND_S, self._round)
        if self._dirty:
            self._work(QUICK)

    def _slow_round(self) -> None:
        self.timeline.later(SLOW_S, self._slow_round)
        self._work()

    # ------------------------------------------------------------------------------ dock
    def _dock_round(self) -> None:
        """What was sorted is carried through the gate until the screen says that it is gone."""
        self.timeline.later(LOOKS_S, self._dock_round)
        while self.belt.lanes["HOSP"]:
            self.belt.put(self.belt.lanes["HOSP"].pop())
        lanes = [self.belt.lanes[name] for name in LANES]
        known = self.parcels() if any(lanes) else {}
        for lane, sscc in [(each, sscc) for each in lanes for sscc in each]:
            if known[sscc].state in LEFT:
                lane.remove(sscc)
                self.gone[sscc] += 1
                self.carrier.saw(sscc, "COLLECTED")
                self.timeline.later(DELIVERED_S, partial(self.carrier.saw, sscc, "DELIVERED"))
            else:
                self.gate.carry(sscc, known[sscc].epc_hex)

    def parcels(self) -> dict[str, Parcel]:
        """All parcels as they stand, by SSCC."""
        return {row.sscc: row for row in self.look(lambda s: list(s.scalars(select(Parcel))))}

    def _at_customer(self, order: UUID) -> dict[str, int]:
        mine = [p for p in self.parcels().values() if p.order_id == order]
        units = sum((self.goods.boxes[p.sscc] for p in mine if p.state == "DELIVERED"), Counter())
        return dict(units)

    # ------------------------------------------------------------------------------ laws
    def look(self, work: Callable[[Session], Any]) -> Any:
        """Look into the books; nobody dies of it."""
        return super(Mortal, self.database).run(work)

    def judge(self, laws: tuple[Law, ...]) -> None:
        """Those laws hold."""
        report = self.look(lambda s: verify(s, laws))
        broken = [f"{each.code} {each.says}: {each.first}" for each in report.laws
                  if each.differences]  # fmt: skip
        law(not broken, "; ".join(broken))

    def _look(self) -> None:
        self.timeline.later(LOOK_S, self._look)
        self.judge(ALL_LAWS)
        self.belt.tell()
        for control in self.controls:
            self.claims(control)

    # ---------------------------------------------------------------------------- ending
    @override
    def play(self) -> None:
        self.until(self.plan.calm_s)
        while left := self.unfinished():
            law(self.timeline.now_s < self.plan.calm_s + LIVELY_S, f"it never ends: {left}")
            self.until(self.timeline.now_s + SLOW_S)
        self._settle()

    def _rows(self, query: str, **given: object) -> list[Any]:
        return list(self.look(lambda s: s.execute(text(query), given).all()))

    def unfinished(self) -> str:
        """What is left to do; empty: nothing."""
        out, waits = self.outside, list[str]()
        waits += [key for key in out.asked if key not in out.answers]
        waits += [row.what for query in (_ORDERS, _TASKS) for row in self._rows(query)]
        waits += [f"{each.name} {each.packet and each.packet['kind']} {each.todo} {+each.hand}"
                  for each in self.operators if not each.is_idle]  # fmt: skip
        waits += [f"{tote} is at {at}" for tote, at in self.robots.totes.items()
                  if at != TOTE_OF[tote][:-2]]  # fmt: skip
        waits += [f"{sscc} {row.state}" for sscc, row in self.parcels().items()
                  if row.state != "DELIVERED" or row.tracking is None]  # fmt: skip
        streams = [] if self.edge and not len(self.edge.spool) else ["the edge's stream"]
        if self.letters.last > self.letters.acked:
            streams.append("the office's stream")
        if not any(control.alive and not control.state.transports for control in self.controls):
            streams.append("transports")
        return "; ".join((*waits, *streams))

    def _settle(self) -> None:
        """What the books say is what is there; everybody was told the truth."""
        self.judge(ALL_LAWS)
        goods = self.goods
        booked = {place: Counter[str]() for place in PLACES}
        for row in self._rows(_LIES):
            booked.setdefault(row.place, Counter())[row.sku] += row.units
        for place, units in booked.items():
            law(+units == +goods.at[place], f"{place} has {goods.at[place]}, books: {units}")
        for what in (goods.table, goods.dock, *goods.trucks.values(), *goods.returned.values()):
            law(not +what, f"left over: {goods}")
        law(self.gone.keys() == goods.boxes.keys(), f"gone: {self.gone}, packed: {goods.boxes}")
        law(all(count == 1 for count in self.gone.values()), f"gone twice: {self.gone}")
        known = self.parcels()
        law(known.keys() == goods.boxes.keys(), f"parcels {known.keys()}, packed {goods.boxes}")
        ids = {parcel.id for parcel in known.values()}
        law(self.carrier.booked.keys() == ids, f"booked: {self.carrier.booked}")
        for id_, ordered in self.outside.orders.items():
            self._served(id_, ordered, known)

    def _served(self, id_: UUID, ordered: dict[str, int], known: dict[str, Parcel]) -> None:
        boxes = [goods for sscc, goods in self.goods.boxes.items() if known[sscc].order_id == id_]
        sent = +sum(boxes, Counter[str]())
        rows = self._rows(_LINES, order=id_)
        law({row.sku: row.units for row in rows} == ordered, f"{id_}: {rows}, ordered: {ordered}")
        due = Counter({row.sku: row.units - row.gone for row in rows})
        law(sent == +due, f"{id_}: {sent} were sent, {rows}")

    @override
    def close(self) -> str:
        """The journal's digest, and that of the books."""
        journal = super().close()
        books = hashlib.sha256()
        for query in _BOOKS:
            for row in self._rows(query):
                books.update(repr(tuple(row)).encode())
        return f"{journal}/{books.hexdigest()}"

    @override
    def end(self) -> None:
        super().end()
        self.counts.update(self.house.counts)
        for operator in self.operators:
            self.counts.update({f"packet {kind}": n for kind, n in operator.done.items()})
        self.house.close()


_ORDERS = """
SELECT o.number || ': ' || string_agg(l.sku || ' ' || l.state, ', ' ORDER BY l.line_no) AS what
  FROM customer_order o JOIN order_line l ON l.order_id = o.id
 WHERE NOT o.closed GROUP BY o.id ORDER BY o.id
"""
_TASKS = """
SELECT kind || ' ' || (packet ->> 'title') || ' ' || state AS what FROM task
 WHERE state IN ('OPEN', 'LEASED') ORDER BY id
"""
_LIES = """
SELECT l.code AS place, k.code AS sku, sum(q.units) AS units
  FROM quant q JOIN sku k ON k.id = q.sku_id
  LEFT JOIN handling_unit u ON u.site_id = q.site_id AND u.id = q.handling_unit_id
  JOIN location l ON l.site_id = q.site_id AND l.id = coalesce(u.location_id, q.location_id)
 WHERE l.kind IN ('RESERVE', 'PICK_FACE') GROUP BY l.code, k.code
"""
_LINES = """
SELECT sku, units, units_short + units_cancelled AS gone FROM order_line
 WHERE order_id = :order ORDER BY line_no
"""
# what was written; not when, by the database's own clock and count of transactions
_BOOKS = (
    "SELECT to_jsonb(q)::text FROM quant q ORDER BY 1",
    "SELECT (to_jsonb(m) - 'recorded_at' - 'xid')::text FROM movement m ORDER BY 1",
    "SELECT topic, key, type, body::text FROM outbox ORDER BY position, id",
)
