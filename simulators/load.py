"""Tell the WMS what the demo's world consists of, through its master API.

Sites, places, SKUs and the opening stock, in requests of some thousand lines. All codes and ids
follow from the seed, so loading the same world twice is loading it once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx2

from simulators.assortment import Sku, locations, opening_stock
from simulators.network import PLACES

CHUNK = 4000
TIMEOUT_S = 120


class NotLoaded(Exception):  # noqa: N818 - reads as a situation
    """The WMS would not take the world; the text is its answer."""


def load_world(base_url: str, skus: Sequence[Sku], *, seed: int) -> None:
    """Load everything.

    Raises:
        NotLoaded: the WMS refused something.
    """
    stock = list(opening_stock(list(skus), seed=seed))
    with httpx2.Client(base_url=base_url, timeout=TIMEOUT_S) as client:
        _put(client, "/master/v1/sites", [asdict(place) for place in PLACES])
        _put(client, "/master/v1/skus", [_record(sku) for sku in skus])
        _put(client, "/master/v1/locations", locations())
        for number, lines in enumerate(_chunks(stock)):
            receipt = uuid5(NAMESPACE_URL, f"soko/demo/receipt/{seed}/{number}")
            body = {"id": str(receipt), "lines": lines}
            _check(client.post("/master/v1/receipts", json=body))


def _record(sku: Sku) -> dict[str, Any]:
    return {
        "code": sku.code,
        "gtin": sku.gtin,
        "name_en": sku.name_en,
        "name_ja": sku.name_ja,
        "weight_g": sku.weight_g,
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
