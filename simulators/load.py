"""Tell the WMS what the demo's world consists of, through its master API.

Sites, places, SKUs, how the hub works (simulators.equipment) and the opening stock, in requests of
some thousand lines. All codes and ids follow from the seed, so loading the same world twice is
loading it once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx2

from simulators.assortment import Sku, locations, opening_stock
from simulators.equipment import counts_wanted, equipment
from simulators.network import PLACES

CHUNK = 4000
TIMEOUT_S = 120
MM3_A_GRAM = 2500  # goods are half air
LONG = 1.3  # length to width, width to height


class NotLoaded(Exception):  # noqa: N818 - reads as a situation
    """The WMS would not take the world; the text is its answer."""


def load_world(base_url: str, skus: Sequence[Sku], *, seed: int, port_offset: int = 0) -> None:
    """Load everything. `port_offset` is that of the hub's printers.

    Raises:
        NotLoaded: the WMS refused something.
    """
    with httpx2.Client(base_url=base_url, timeout=TIMEOUT_S) as client:
        load_through(client, skus, seed=seed, port_offset=port_offset)


def load_through(
    client: httpx2.Client, skus: Sequence[Sku], *, seed: int, port_offset: int = 0
) -> None:
    """Load everything through a client that is open. Raises NotLoaded."""
    stock = list(opening_stock(list(skus), seed=seed))
    _put(client, "/master/v1/sites", [asdict(place) for place in PLACES])
    _put(client, "/master/v1/skus", [_record(sku) for sku in skus])
    _put(client, "/master/v1/locations", locations())
    for path, body in equipment(port_offset=port_offset):
        _check(client.put(path, json=body))
    for number, lines in enumerate(_chunks(stock)):
        receipt = uuid5(NAMESPACE_URL, f"soko/demo/receipt/{seed}/{number}")
        body = {"id": str(receipt), "lines": lines}
        _check(client.post("/master/v1/receipts", json=body))
    _check(client.post("/console/v1/counts", json=counts_wanted(seed=seed)))


def _record(sku: Sku) -> dict[str, Any]:
    side_mm = round((sku.weight_g * MM3_A_GRAM) ** (1 / 3))
    return {
        "code": sku.code,
        "gtin": sku.gtin,
        "name_en": sku.name_en,
        "name_ja": sku.name_ja,
        "weight_g": sku.weight_g,
        "length_mm": round(side_mm * LONG),
        "width_mm": side_mm,
        "height_mm": round(side_mm / LONG),
    }


def _put(client: httpx2.Client, path: str, rows: Iterable[dict[str, Any]]) -> None:
    for chunk in _chunks(rows):
        _check(client.put(path, json=chunk))


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(rows)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _check(answer: httpx2.Response) -> None:
    if answer.status_code >= 400:
        raise NotLoaded(f"{answer.request.url}: {answer.status_code} {answer.text[:1000]}")
