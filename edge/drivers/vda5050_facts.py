"""What a robot says that it can do: its factsheet, read for what fleet control must heed.

    factsheet (2.0, 2.1, 3.0) --> Capabilities --> what is sent, how much, how often
                                              --> why a drive cannot be sent at all

Laws:
    silence allows   what a factsheet does not say is not forbidden: many are half empty
    refused, said    a drive that the robot cannot take is not sent, and the reason is reported

Units: seconds, metres a second.

Source: VDA 5050 version 2.1.0, section 6.15; version 3.0.0, sections 6.10 and 7.10.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.drivers.vda5050_codec import Dialect, widen

_WRITTEN = frozenset({"nodePosition", "allowedDeviationXY", "actionParameters"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a robot can do. Empty and None: it did not say, so nothing is forbidden.

    `actions` are its action types, each with its scopes (NODE, EDGE, INSTANT, ZONE); `required`
    the optional parameters of orders that it cannot do without and that are never written here.
    """

    series: str = ""
    actions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    nodes_max: int | None = None
    actions_max: int | None = None
    id_length_max: int | None = None
    ids_numeric: bool = False
    order_interval_s: float = 0.0
    state_interval_s: float | None = None
    speed_mps: float | None = None
    zones: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()

    def can_instantly(self, action_type: str) -> bool:
        """Whether that instant action may be asked of it."""
        return not self.actions or "INSTANT" in self.actions.get(action_type, ())


ANYTHING = Capabilities()


def read_factsheet(data: Mapping[str, Any], dialect: Dialect) -> Capabilities:
    """The capabilities in a factsheet, as far as it says them."""
    sheet = widen("factsheet", dict(data), dialect)
    limits, features = _part(sheet, "protocolLimits"), _part(sheet, "protocolFeatures")
    lengths, counts = _part(limits, "maxStringLens"), _part(limits, "maxArrayLens")
    timing, kind = _part(limits, "timing"), _part(sheet, "typeSpecification")
    return Capabilities(
        series=str(kind.get("seriesName", "")),
        actions={
            str(action["actionType"]): frozenset(map(str, _list(action, "actionScopes")))
            for action in _parts(features, "agvActions")
            if "actionType" in action
        },
        nodes_max=_count(counts.get("order.nodes")),
        actions_max=_count(counts.get("node.actions")),
        id_length_max=_count(lengths.get("idLen")),
        ids_numeric=lengths.get("idNumericalOnly") is True,
        order_interval_s=_number(timing.get("minOrderInterval")) or 0.0,
        state_interval_s=_number(timing.get("defaultStateInterval")),
        speed_mps=_number(_part(sheet, "physicalParameters").get("speedMax")),
        zones=frozenset(map(str, _list(kind, "supportedZones"))),
        required=tuple(_unwritten(features)),
    )


def refusal(can: Capabilities, types: Sequence[str], ids: Sequence[str], nodes: int) -> str:
    """Why an order cannot be sent to such a robot; empty when it can.

    `types` are those of its actions, `ids` all its names, `nodes` how many it has at least.
    """
    for kind in types:
        if can.actions and "NODE" not in can.actions.get(kind, ()):
            return f"its factsheet has no action {kind} at a node"
    if can.required:
        return f"its factsheet requires {can.required[0]}, which is not written here"
    if can.nodes_max is not None and nodes > can.nodes_max:
        return f"{nodes} released nodes are more than the {can.nodes_max} that it takes"
    longest = max(ids, key=len, default="")
    if can.id_length_max is not None and len(longest) > can.id_length_max:
        return f"the name {longest} is longer than the {can.id_length_max} that it takes"
    if can.ids_numeric and (wrong := [name for name in ids if not name.isdecimal()]):
        return f"the name {wrong[0]} is no number, as its factsheet wants"
    return ""


def _unwritten(features: Mapping[str, Any]) -> Iterator[str]:
    for row in _parts(features, "optionalParameters"):
        name = str(row.get("parameter", ""))
        is_of_order = name.startswith("order.")
        is_written = name.rpartition(".")[2] in _WRITTEN
        if row.get("support") == "REQUIRED" and is_of_order and not is_written:
            yield name


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _parts(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [item for item in _list(data, key) if isinstance(item, dict)]


def _number(value: object) -> float | None:
    is_number = type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    return float(value) if is_number and value >= 0 else None  # type: ignore[arg-type, operator]


def _count(value: object) -> int | None:
    """A limit: the standard says that 0, like silence, means none."""
    number = _number(value)
    return int(number) if number else None
