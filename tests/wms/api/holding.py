"""What a shop says at /v1/holds, and what it hears."""

from typing import Any

from tests.builders import an_id
from tests.wms.house import HUB, House

NOT_FOUND, REFUSED = "not_found", "not_enough_stock"


def a_line(sku: str = "A", units: int = 1, **more: Any) -> dict[str, Any]:
    return {"hold_id": str(an_id()), "site": HUB, "sku": sku, "units": units, **more}


def a_body(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = list(lines) or [a_line()]
    return {"kind": "ORDER", "demand_id": str(an_id()), "lines": made, **more}


def hold(house: House, *lines: dict[str, Any], **more: Any) -> list[tuple[bool, Any, Any]]:
    """Granted, free and code of each line."""
    answer = house.ok(house.http.post("/v1/holds", json=a_body(*lines, **more)))
    assert answer["granted"] == all(line["granted"] for line in answer["lines"])
    return [(line["granted"], line["free"], line.get("code")) for line in answer["lines"]]


def command(house: House, hold_id: str, verb: str, **more: Any) -> Any:
    body = {"command_id": str(an_id()), "site": HUB, **more}
    return house.http.post(f"/v1/holds/{hold_id}:{verb}", json=body)


def state(house: House, hold_id: str, site: str = HUB) -> Any:
    return house.ok(house.http.get(f"/v1/holds/{hold_id}", params={"site": site}))


def free(house: House, sku: str = "A") -> int:
    return int(house.stock_row(sku)["free"])
