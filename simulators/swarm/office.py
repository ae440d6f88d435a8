"""The WMS end of the swarm: who is promised what, and what is done once.

The arithmetic of promises is the product's own (wms.stock.balance), and so are the rules of its
two streams (edge.stream). Each public method is a transaction: all of it is done or nothing, and
what was committed outlives a kill.

    place ──> picks of totes ──> transport to the station ──> picked ──> parcel ──> gate ──> shipped
                                 └────── and home again <───────┘

Laws:
    once     an order, a cancel, a receipt, a pick, a batch is done once under its id
    double   every movement takes from one account what it gives to another
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from edge.stream import Ack, Batch, receive
from simulators.swarm.laws import law
from wcs.messages import (
    GatePassage,
    ParcelExpected,
    ParcelSorted,
    ToWcs,
    TransportOrder,
    TransportReport,
    from_wcs,
    to_wcs,
)
from wms.stock.balance import Balance

STATION, BACK = "ST-1", "put it back"
ENDED = frozenset({"REFUSED", "CANCELLED", "SHIPPED"})


class Rows:
    """The messages for the WCS, as a table: the storage of a stream."""

    def __init__(self) -> None:
        self.epoch, self.last, self.acked = "office", 0, 0
        self._rows: dict[int, bytes] = {}

    def add(self, message: ToWcs) -> None:
        """Keep a message."""
        self.last += 1
        self._rows[self.last] = to_wcs.dump_json(message)

    def read(self, numbers: range) -> list[bytes]:
        """The bodies of those messages."""
        return [self._rows[number] for number in numbers]

    def delete_through(self, seq: int) -> None:
        """Forget them."""
        self.acked = max(self.acked, seq)
        self._rows = {number: body for number, body in self._rows.items() if number > seq}

    def start_over(self) -> None:
        """Nobody ever knows more than we have written."""
        raise AssertionError("the WCS knows more than the office has said")


@dataclass(slots=True)
class Order:
    """An order, and what is left to do for it."""

    id: str
    sku: str
    units: int
    state: str = "ALLOCATED"
    to_pick: Counter[str] = field(default_factory=Counter)  # units by tote


@dataclass(slots=True)
class Tote:
    """A tote as the books know it."""

    sku: str
    home: str
    units: int
    state: str = "HOME"  # COMING, THERE, GOING
    claimed: int = 0


@dataclass(frozen=True, slots=True)
class Pick:
    """Something to be picked at the station."""

    id: str
    order: str
    tote: str
    units: int


class Office:
    """The state of the WMS, and what may be done to it."""

    def __init__(self, totes: Mapping[str, tuple[str, str, int]]) -> None:
        self.rows = Rows()
        self.version = 0  # grows with each change
        self.orders: dict[str, Order] = {}
        self.totes = {name: Tote(*what) for name, what in totes.items()}
        self.balances: dict[str, Balance] = {}
        self.accounts: Counter[tuple[str, str]] = Counter()  # (place, sku) -> units
        self.parcels: dict[str, str] = {}  # code -> order
        self.booked: set[str] = set()  # parcels that the carrier has confirmed
        self._done: dict[str, Any] = {}  # answers by id
        self._positions: dict[str, int] = {}
        self._transports: dict[str, tuple[str, str]] = {}  # id -> tote, HOME or STATION
        for name, (sku, _home, units) in totes.items():
            self._move("outside", name, sku, units)
            self.balances[sku] = self._more(sku, units)

    def _more(self, sku: str, units: int) -> Balance:
        before = self.balances.get(sku, Balance())
        return Balance(sellable=before.sellable + units, allocated=before.allocated)

    def _move(self, start: str, end: str, sku: str, units: int) -> None:
        self.accounts[start, sku] -= units
        self.accounts[end, sku] += units

    # ------------------------------------------------------------------------- customers
    def place(self, order_id: str, sku: str, units: int) -> str:
        """Take an order: "accepted" or "refused"; again with the same id, the same answer."""
        if order_id in self._done:
            return str(self._done[order_id])
        balance = self.balances[sku]
        accepted = balance.may_promise(units)
        order = self.orders[order_id] = Order(order_id, sku, units)
        if accepted:
            self.balances[sku] = balance.promise(units, "ALLOCATED")
            self._claim(order)
        else:
            order.state = "REFUSED"
        return self._answered(order_id, "accepted" if accepted else "refused")

    def _answered(self, deed: str, answer: str) -> str:
        self._done[deed] = answer
        self.version += 1
        return answer

    def _claim(self, order: Order) -> None:
        left = order.units
        for name, tote in self.totes.items():
            units = min(left, tote.units - tote.claimed) if tote.sku == order.sku else 0
            if units > 0:
                tote.claimed += units
                order.to_pick[name] += units
                left -= units
        law(left == 0, f"{order.id}: promised {left} units that lie nowhere")

    def cancel(self, deed: str, order_id: str) -> str:
        """Give an order up, if nothing of it has been picked."""
        if deed in self._done:
            return str(self._done[deed])
        order = self.orders.get(order_id)
        answer = "too_late"
        if order and order.state == "ALLOCATED" and order.to_pick.total() == order.units:
            for name, units in order.to_pick.items():
                self.totes[name].claimed -= units
            order.to_pick.clear()
            order.state, answer = "CANCELLED", "cancelled"
            self.balances[order.sku] = self.balances[order.sku].give_back(order.units, "ALLOCATED")
        return self._answered(deed, answer)

    def receive(self, deed: str, sku: str, units: int) -> str:
        """Goods come in and are put into a tote that stands at home: its name, or ""."""
        if deed in self._done:
            return str(self._done[deed])
        name = next((n for n, t in self.totes.items() if t.sku == sku and t.state == "HOME"), "")
        if name:
            self.totes[name].units += units
            self.balances[sku] = self._more(sku, units)
            self._move("outside", name, sku, units)
        return self._answered(deed, name)

    # ------------------------------------------------------------------------- the floor
    def release(self) -> int:
        """Send for totes that somebody waits for, and send home those that nobody needs."""
        sent = 0
        for name, tote in self.totes.items():
            wanted = any(order.to_pick[name] for order in self.orders.values())
            if tote.state == "HOME" and wanted:
                sent += self._send(name, tote.home, STATION, "COMING")
            elif tote.state == "THERE" and not wanted:
                sent += self._send(name, STATION, tote.home, "GOING")
        return sent

    def _send(self, name: str, source: str, destination: str, state: str) -> int:
        number = f"t{len(self._transports)}-{name}"
        self._transports[number] = (name, destination)
        self.totes[name].state = state
        self.version += 1
        self.rows.add(TransportOrder(id=number, load=name, source=source, destination=destination))
        return 1

    def pick(self) -> Pick | None:
        """The next pick at the station."""
        for order in self.orders.values():
            for name, units in order.to_pick.items():
                if units and self.totes[name].state == "THERE":
                    return Pick(f"{order.id}/{name}", order.id, name, units)
        return None

    def picked(self, pick: Pick) -> str:
        """Somebody says that this was picked: the parcel's code once the order is complete.

        BACK: nobody wants it any more, put it back.
        """
        if pick.id in self._done:
            return str(self._done[pick.id])
        order, tote = self.orders[pick.order], self.totes[pick.tote]
        if order.state == "CANCELLED":
            return self._answered(pick.id, BACK)
        law(order.to_pick[pick.tote] == pick.units, f"{pick} is not to be picked")
        del order.to_pick[pick.tote]
        tote.units -= pick.units
        tote.claimed -= pick.units
        self._move(pick.tote, f"hand:{order.id}", order.sku, pick.units)
        code = ""
        if not order.to_pick.total():
            code = f"{len(self.parcels) + 1:018}"
            order.state, self.parcels[code] = "PACKED", order.id
            self.rows.add(ParcelExpected(code=code, epc_hex=f"EE{code}", lane="L1"))
        return self._answered(pick.id, code)

    def unbooked(self) -> list[str]:
        """Parcels that the carrier has not confirmed yet."""
        return [code for code in self.parcels if code not in self.booked]

    # --------------------------------------------------------------------------- the WCS
    def take(self, batch: Batch, now: datetime) -> Ack:
        """Do what is new in a batch; the acknowledgement to send."""
        received = receive(self._positions.get(batch.epoch, 0), batch)
        for raw in received.new:
            self._hear(from_wcs.validate_python(dict(raw)), now)
        self._positions[batch.epoch] = received.ack.seq
        self.version += len(received.new)
        return received.ack

    def _hear(self, message: object, now: datetime) -> None:
        if isinstance(message, TransportReport) and message.state == "FINISHED":
            name, destination = self._transports[message.id]
            tote = self.totes[name]
            law(tote.state in ("COMING", "GOING"), f"{message.id} has ended twice")
            tote.state = "THERE" if destination == STATION else "HOME"
        elif isinstance(message, TransportReport):
            law(message.state not in ("FAILED", "WITHDRAWN"), f"{message} at {now}")
        elif isinstance(message, ParcelSorted) and message.code is not None:
            law(message.code in self.parcels, f"{message.code} is sorted and no parcel of ours")
        elif isinstance(message, GatePassage) and message.direction == "OUT":
            for epc in message.epcs_hex:
                self._ship(epc.removeprefix("EE"))

    def _ship(self, code: str) -> None:
        order = self.orders[self.parcels[code]]
        if order.state == "PACKED":
            order.state = "SHIPPED"
            self._move(f"hand:{order.id}", "outside", order.sku, order.units)
            before = self.balances[order.sku]
            rest = before.give_back(order.units, "ALLOCATED")
            self.balances[order.sku] = Balance(
                sellable=before.sellable - order.units, allocated=rest.allocated
            )

    # ------------------------------------------------------------------------------ laws
    def check(self) -> None:
        """The books add up, and nothing is promised that is not there."""
        sums: Counter[str] = Counter()
        for (place, sku), units in self.accounts.items():
            sums[sku] += units
            law(units >= 0 or place == "outside", f"{place} has {units} of {sku}")
        law(not any(sums.values()), f"units from nowhere: {sums}")
        for sku, balance in self.balances.items():
            live = [o for o in self.orders.values() if o.sku == sku and o.state not in ENDED]
            promised = sum(order.units for order in live)
            inside = -self.accounts["outside", sku]
            law(promised <= inside, f"{sku}: {promised} promised of {inside}")
            law(balance.allocated == promised, f"{sku}: {balance} but {promised} promised")
            law(balance.sellable == inside, f"{sku}: {balance} but {inside} inside")
        for name, tote in self.totes.items():
            law(tote.units == self.accounts[name, tote.sku], f"{name}: {tote}")
