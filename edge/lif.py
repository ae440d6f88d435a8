"""Layouts in the exchange format of robot makers (LIF), to and from the tables of a site file.

    [[points]] [[paths]] [[stations]]  -- write_lif -->  layout: nodes, edges, stations
                                       <-- read_lif --

A layout of a maker's tool becomes a site file's plant, and a plant becomes a layout that such a
tool can load. What the site file has no word for (curves, turning rules, load sets, other types
of vehicles) is left out, and named.

    there and back   a plant that was written and is read again is the same plant
    whole            all faults of a layout are collected before it is refused

A way and its way back, at the same speed, are one two-way path. A point's kind goes into the
node's description in our words, for LIF knows none; without them it is told by what can be done
there: charging, or picking and dropping at a station or away from one.

Units: metres, metres a second.

Source: VDMA guideline "LIF - Layout Interchange Format", version 1.0.0, chapters 4 to 6.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

LIF_VERSION = "1.0.0"
Row: TypeAlias = dict[str, Any]

_OURS = re.compile(r"kind=(\w+)(?: levels=(\d+))?")
_CONTRAFLOW = "contraflow"
_LOST = {  # what an edge may say that a path cannot
    "trajectory": "curves: edges are straight here",
    "rotationAllowed": "turning rules",
    "rotationAtStartNodeAllowed": "turning rules",
    "rotationAtEndNodeAllowed": "turning rules",
    "vehicleOrientation": "orientations",
    "loadRestriction": "load restrictions",
    "minHeight": "heights",
    "maxHeight": "heights",
    "actions": "actions on edges",
}


class LifFaults(Exception):  # noqa: N818 - reads as a situation
    """A layout cannot be used.

    Attributes:
        faults: everything that is wrong with it.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Layout:
    """The tables of a site file that a layout gives, and what it said besides."""

    points: list[Row]
    paths: list[Row]
    stations: list[Row]
    left_out: Mapping[str, int]


# ---------------------------------------------------------------------------------------- write
def write_lif(site: Mapping[str, Any], now: datetime, vehicle_type: str) -> dict[str, Any]:
    """The plant of a site file (parsed TOML, checked before) as a LIF document."""
    code = site["site"]["code"]
    served = {row["point"] for row in site.get("stations", [])}
    nodes = [_node(row, code, vehicle_type, served) for row in site["points"]]
    edges = [edge for row in site["paths"] for edge in _edges(row, vehicle_type)]
    layout = {
        "layoutId": code,
        "layoutName": site["site"].get("name_en") or code,
        "layoutVersion": "1",
        "layoutLevelId": code,
        "nodes": nodes,
        "edges": edges,
        "stations": [_station(row, site["points"]) for row in site.get("stations", [])],
    }
    stamp = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = {
        "projectIdentification": code,
        "creator": "Soko",
        "exportTimestamp": stamp,
        "lifVersion": LIF_VERSION,
    }
    return {"metaInformation": head, "layouts": [layout]}


def _node(row: Mapping[str, Any], code: str, vehicle_type: str, served: set[str]) -> Row:
    kind, levels = row.get("kind", "lane"), row.get("levels", 0)
    handles = kind == "storage" or row["name"] in served
    types = ("pick", "drop") if handles else ("startCharging",) if kind == "charge" else ()
    actions = [
        {"actionType": name, "requirementType": "OPTIONAL", "blockingType": "HARD"}
        for name in types
    ]
    return {
        "nodeId": row["name"],
        "nodeDescription": f"kind={kind}" + (f" levels={levels}" if levels else ""),
        "mapId": code,
        "nodePosition": {"x": float(row["x_m"]), "y": float(row["y_m"])},
        "vehicleTypeNodeProperties": [
            {"vehicleTypeId": vehicle_type, **({"actions": actions} if actions else {})}
        ],
    }


def _edges(row: Mapping[str, Any], vehicle_type: str) -> Iterator[Row]:
    speed = {"maxSpeed": float(row["speed_mps"])} if "speed_mps" in row else {}
    ways = [(row["from"], row["to"], "")]
    if row.get("two_way"):
        ways.append((row["to"], row["from"], ""))
    elif row.get("contraflow"):
        ways.append((row["to"], row["from"], _CONTRAFLOW))
    for start, end, note in ways:
        yield {
            "edgeId": f"{start}--{end}",
            **({"edgeDescription": note} if note else {}),
            "startNodeId": start,
            "endNodeId": end,
            "vehicleTypeEdgeProperties": [
                {"vehicleTypeId": vehicle_type, "orientationType": "TANGENTIAL", **speed}
            ],
        }


def _station(row: Mapping[str, Any], points: Iterable[Mapping[str, Any]]) -> Row:
    place = next(point for point in points if point["name"] == row["point"])
    capacity = row.get("capacity", 1)
    return {
        "stationId": row["name"],
        "interactionNodeIds": [row["point"]],
        "stationName": row["name"],
        "stationDescription": f"capacity={capacity}",
        "stationPosition": {"x": float(place["x_m"]), "y": float(place["y_m"])},
    }


# ----------------------------------------------------------------------------------------- read
def read_lif(text: str, *, layout: str | None = None, vehicle_type: str | None = None) -> Layout:
    """The plant in a LIF document: of one of its layouts, for one type of vehicle.

    Raises:
        LifFaults: it is no LIF, it has several layouts or vehicle types and none was chosen, or
            its nodes and edges do not fit together.
    """
    chosen = _choose(_layouts(text), layout)
    nodes, edges = _rows(chosen, "nodes"), _rows(chosen, "edges")
    faults = [*_node_faults(nodes), *_edge_faults(edges, {n.get("nodeId") for n in nodes})]
    types = {name for row in (*nodes, *edges) for name in _properties(row)}
    if vehicle_type is None and len(types) > 1:
        faults.append(f"several vehicle types: choose one of {', '.join(sorted(types))}")
    if faults:
        raise LifFaults(faults)
    kind = vehicle_type or min(types, default="")
    left_out: Counter[str] = Counter()
    mine = [edge for edge in edges if kind in _properties(edge)]
    if other := len(edges) - len(mine):
        left_out["edges of other vehicle types"] += other
    for edge in mine:
        left_out.update({_LOST[key] for key in _properties(edge)[kind] if key in _LOST})
    stations = _rows(chosen, "stations")
    points = [_point(node, _properties(node).get(kind, {}), stations) for node in nodes]
    by_stations = [row for row in map(_station_row, stations) if row is not None]
    if skipped := len(stations) - len(by_stations):
        left_out["stations without a node"] += skipped
    return Layout(points, _paths(mine, kind), by_stations, left_out)


def as_toml(layout: Layout) -> str:
    """The tables as the text of a site file."""
    tables = {"points": layout.points, "paths": layout.paths, "stations": layout.stations}
    parts = [
        "\n".join([f"[[{name}]]", *(f"{key} = {_value(row[key])}" for key in row), ""])
        for name, rows in tables.items()
        for row in rows
    ]
    return "\n".join(parts)


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # text, numbers and truth are the same in TOML


def _layouts(text: str) -> list[Row]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise LifFaults([f"not JSON: {error}"]) from error
    layouts = _rows(document, "layouts") if isinstance(document, dict) else []
    if not layouts:
        raise LifFaults(["no LIF: it has no layouts"])
    return layouts


def _choose(layouts: Sequence[Row], wanted: str | None) -> Row:
    ids = [str(row.get("layoutId")) for row in layouts]
    if wanted is None and len(layouts) == 1:
        return layouts[0]
    if wanted not in ids:
        raise LifFaults([f"several layouts, or not that one: choose one of {', '.join(ids)}"])
    return layouts[ids.index(wanted)]


def _node_faults(nodes: Sequence[Row]) -> Iterator[str]:
    names = Counter(str(node.get("nodeId")) for node in nodes)
    for n, node in enumerate(nodes, 1):
        place = node.get("nodePosition")
        numbers = [place.get(axis) for axis in ("x", "y")] if isinstance(place, dict) else [None]
        if not isinstance(node.get("nodeId"), str) or not node["nodeId"]:
            yield f"nodes[{n}]: has no nodeId"
        elif names[node["nodeId"]] > 1:
            yield f"nodes[{n}]: the nodeId {node['nodeId']} is used twice"
        if not all(type(v) in (int, float) and math.isfinite(v) for v in numbers):  # type: ignore[arg-type]
            yield f"nodes[{n}]: its nodePosition needs x and y"
    if not nodes:
        yield "the layout has no nodes"


def _edge_faults(edges: Sequence[Row], names: set[Any]) -> Iterator[str]:
    for n, edge in enumerate(edges, 1):
        for key in ("startNodeId", "endNodeId"):
            if edge.get(key) not in names:
                yield f"edges[{n}].{key}: there is no node {edge.get(key)!r}"
        if edge.get("startNodeId") == edge.get("endNodeId"):
            yield f"edges[{n}]: leads from a node to itself"


def _point(node: Row, properties: Row, stations: Sequence[Row]) -> Row:
    place = node["nodePosition"]
    point = {"name": node["nodeId"], "x_m": float(place["x"]), "y_m": float(place["y"])}
    if ours := _OURS.fullmatch(str(node.get("nodeDescription", ""))):
        kind, levels = ours.groups()
        return {**point, "kind": kind, **({"levels": int(levels)} if levels else {})}
    actions = {str(action.get("actionType")) for action in _rows(properties, "actions")}
    if actions & {"startCharging", "charge"}:
        return {**point, "kind": "charge"}
    if any(node["nodeId"] in _list(row, "interactionNodeIds") for row in stations):
        return {**point, "kind": "station"}
    if actions & {"pick", "drop"}:
        return {**point, "kind": "storage", "levels": 1}
    return {**point, "kind": "lane"}


def _paths(edges: Sequence[Row], kind: str) -> list[Row]:
    ways: dict[tuple[str, str], tuple[float | None, str]] = {}
    for edge in edges:
        speed: Any = _properties(edge)[kind].get("maxSpeed")
        limit = float(speed) if type(speed) in (int, float) and speed > 0 else None
        ways[edge["startNodeId"], edge["endNodeId"]] = limit, str(edge.get("edgeDescription", ""))
    paths: list[Row] = []
    while ways:
        (start, end), (limit, note) = next(iter(ways.items()))
        del ways[start, end]
        path: Row = {"from": start, "to": end}
        back = ways.get((end, start))
        if back is not None and _CONTRAFLOW in (note, back[1]):
            if note == _CONTRAFLOW:
                path, limit = {"from": end, "to": start}, back[0]
            path["contraflow"] = True
            del ways[end, start]
        elif back is not None and back[0] == limit:
            path["two_way"] = True
            del ways[end, start]
        paths.append({**path, **({"speed_mps": limit} if limit is not None else {})})
    return paths


def _station_row(station: Row) -> Row | None:
    nodes = _list(station, "interactionNodeIds")
    name = station.get("stationId")
    if not nodes or not isinstance(name, str):
        return None
    said = re.fullmatch(r"capacity=(\d+)", str(station.get("stationDescription", "")))
    return {"name": name, "point": nodes[0], "capacity": int(said[1]) if said else 1}


def _properties(row: Row) -> dict[str, Row]:
    """What it says for each type of vehicle."""
    key = "vehicleTypeEdgeProperties" if "startNodeId" in row else "vehicleTypeNodeProperties"
    return {str(own.get("vehicleTypeId")): own for own in _rows(row, key)}


def _list(data: Row, key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _rows(data: Row, key: str) -> list[Row]:
    return [row for row in _list(data, key) if isinstance(row, dict)]
