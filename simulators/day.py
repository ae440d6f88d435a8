"""A trading day: which orders come in when. From a file, or our own by a seed.

Our own day has the shape of real demand: a quiet morning, a peak at lunch and a higher one in
the evening; most baskets hold one to three lines, a few hold twenty; a fifth of the SKUs make
most of the sales; now and then a customer buys by the case, and something comes back.

A demo order is what the OMS will say over HTTP; its id is derived from its number, so saying it
again after a crash is saying the same.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from simulators.assortment import Sku, assortment_of
from simulators.network import REGIONS
from simulators.order_file import Invoice

TOKYO = ZoneInfo("Asia/Tokyo")
OWN_DAY = date(2026, 11, 27)  # Black Friday
_HOURS = {9: 3, 10: 5, 11: 7, 12: 10, 13: 8, 14: 6, 15: 6, 16: 7, 17: 9}  # orders, relative
_LINES = ((1, 42), (2, 22), (3, 13), (4, 8), (5, 5), (6, 4), (8, 3), (12, 2), (20, 1))
_NAMESPACE = uuid5(NAMESPACE_URL, "soko/demo")


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that the order system says to the WMS, and when."""

    at: datetime
    path: str
    body: dict[str, Any] | None
    lines: int = 0
    method: str = "PUT"


def calls_of(invoices: Iterable[Invoice], *, seed: int) -> list[Call]:
    """The calls for all invoices, in the order of their times.

    Goods and services of an invoice are one order, what comes back is one return.
    """
    calls: list[Call] = []
    for invoice in invoices:
        calls += _calls_of_invoice(invoice, seed)
    return sorted(calls, key=lambda call: (call.at, call.path))


def assortment_of_invoices(invoices: Iterable[Invoice]) -> list[Sku]:
    """The SKUs that a file names."""
    return assortment_of(
        (line.sku, line.description, round(line.price * 100))
        for invoice in invoices
        for line in invoice.lines
        if line.kind != "SERVICE"
    )


def own_day(
    skus: list[Sku], *, orders: int, seed: int, stores: Mapping[str, Sequence[Sku]] | None = None
) -> list[Call]:
    """A day of our own with that many orders, and one return for every 25 of them.

    With `stores` (what each has on its shelves) every eighth order is collected in a store: most
    of these for goods that lie there, one in four for goods that must come from elsewhere.
    """
    draw = random.Random(f"day {seed}")
    popularity = list(accumulate(sku.popularity for sku in skus))
    prices = {sku.code: sku.price_minor for sku in skus}
    calls = []
    for number in range(orders):
        hour = draw.choices(list(_HOURS), list(_HOURS.values()))[0]
        at = datetime(OWN_DAY.year, OWN_DAY.month, OWN_DAY.day, hour, tzinfo=TOKYO)
        at += timedelta(seconds=draw.randrange(3600))
        size = draw.choices([n for n, _ in _LINES], [w for _, w in _LINES])[0]
        chosen = draw.choices(skus, cum_weights=popularity, k=size)
        lines = [
            {"line_no": line_no, "sku": sku.code, "units": _units(draw), "service": False}
            for line_no, sku in enumerate(chosen, start=1)
        ]
        if draw.random() < 0.05:
            lines.append({"line_no": size + 1, "sku": "GIFT-WRAP", "units": 1, "service": True})
        guest = None if draw.random() < 0.15 else f"C{draw.randrange(100_000):05d}"
        calls.append(_order(f"W{seed}-{number:05d}", at, guest, lines, seed))
        if stores:
            collected = _collected(skus, stores, number, seed) if number % 8 == 5 else None
            calls[-1] = _as_shops_send_it(calls[-1], prices, number, collected)
        if number % 40 == 39:
            regret = at + timedelta(seconds=2)  # before anybody walks
            calls.append(Call(regret, f"{calls[-1].path}/cancellation", None, method="POST"))
        if number % 25 == 24:
            back = [{"line_no": 1, "sku": chosen[0].code, "units": 1}]
            calls.append(_return(f"R{seed}-{number:05d}", at, back, seed))
    return sorted(calls, key=lambda call: (call.at, call.path))


def _collected(
    skus: Sequence[Sku], stores: Mapping[str, Sequence[Sku]], number: int, seed: int
) -> tuple[str, Sku]:
    """A store, and what is collected there."""
    draw = random.Random(f"collect {seed} {number}")
    store = draw.choice(sorted(store for store, there in stores.items() if there))
    return store, draw.choice(stores[store] if draw.random() < 0.75 else skus)


def _as_shops_send_it(
    call: Call, prices: Mapping[str, int], number: int, collected: tuple[str, Sku] | None
) -> Call:
    """With prices, a card that paid, and whom to tell; perhaps for a store instead of a door."""
    assert call.body is not None
    body = dict(call.body)
    if collected is not None:
        line = {"line_no": 1, "sku": collected[1].code, "units": 1, "service": False}
        body |= {"fulfilment": "COLLECT", "to_site": collected[0], "lines": [line]}
    body["lines"] = [line | {"price_minor": prices.get(line["sku"], 330)} for line in body["lines"]]
    paid = sum(line["price_minor"] * line["units"] for line in body["lines"])
    payment = f"pay-{call.path.rpartition('/')[2]}"
    tender = {"id": str(uuid5(_NAMESPACE, payment)), "kind": "CARD", "payment": payment}
    body["tenders"] = [tender | {"captured_minor": paid}]
    body["contact"] = {"name": f"客 {number}", "email": f"customer-{number}@example.jp"}
    body["language"] = "en" if number % 5 == 0 else "ja"
    return replace(call, body=body, lines=len(body["lines"]))


def _units(draw: random.Random) -> int:
    return draw.choices((1, 2, 3, 6, 12, 500), (70, 17, 6, 4, 2.7, 0.3))[0]


def _calls_of_invoice(invoice: Invoice, seed: int) -> list[Call]:
    ordered = [
        {
            "line_no": line.line_no,
            "sku": line.sku,
            "units": line.units,
            "service": line.kind == "SERVICE",
        }
        for line in invoice.lines
        if line.kind != "RETURN"
    ]
    back = [
        {"line_no": line.line_no, "sku": line.sku, "units": line.units}
        for line in invoice.lines
        if line.kind == "RETURN"
    ]
    calls = []
    if ordered:
        calls.append(_order(invoice.number, invoice.placed_at, invoice.customer, ordered, seed))
    if back:
        calls.append(_return(invoice.number, invoice.placed_at, back, seed))
    return calls


def _order(
    number: str, at: datetime, customer: str | None, lines: list[dict[str, Any]], seed: int
) -> Call:
    draw = random.Random(f"ship to {customer or number}")
    region = draw.choices(REGIONS, [r.population_m for r in REGIONS])[0]
    body = {
        "number": number,
        "channel": "web",
        "placed_at": at.isoformat(),
        "customer": customer,
        "ship_to": {
            "prefecture": region.prefecture,
            "postal_code": region.postal_code,
            "latitude": region.latitude,
            "longitude": region.longitude,
        },
        "lines": lines,
    }
    return Call(at, f"/oms/v1/orders/{_id('order', number, seed)}", body, len(lines))


def _return(number: str, at: datetime, lines: list[dict[str, Any]], seed: int) -> Call:
    body = {"number": number, "order_id": None, "lines": lines}
    return Call(at, f"/oms/v1/returns/{_id('return', number, seed)}", body, len(lines))


def _id(kind: str, number: str, seed: int) -> UUID:
    return uuid5(_NAMESPACE, f"{seed}/{kind}/{number}")
