"""Layouts of robot makers: into a site file's plant, and a plant into one of theirs."""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.lif import LifFaults, as_toml, read_lif, write_lif
from wcs.commands import wcs

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
TOKYO = Path(__file__).parents[2] / "simulators" / "sites" / "tokyo.toml"


def a_layout(**changes: Any) -> dict[str, Any]:
    """A maker's layout: a ring of three nodes, with a charger, a station and a shelf."""
    actions = {"n1": "startCharging", "n2": "pick", "n3": "drop"}
    nodes = [
        {
            "nodeId": name,
            "nodePosition": {"x": 2.0 * i, "y": 1.0},
            "vehicleTypeNodeProperties": [
                {
                    "vehicleTypeId": "tugger",
                    "actions": [{"actionType": kind, "blockingType": "HARD"}],
                }
            ],
        }
        for i, (name, kind) in enumerate(actions.items())
    ]
    ways = [("n1", "n2", 1.0), ("n2", "n1", 1.0), ("n2", "n3", 1.5), ("n3", "n2", 0.5)]
    edges = [
        {
            "edgeId": f"e{n}",
            "startNodeId": start,
            "endNodeId": end,
            "vehicleTypeEdgeProperties": [{"vehicleTypeId": "tugger", "maxSpeed": speed}],
        }
        for n, (start, end, speed) in enumerate(ways)
    ]
    stations = [{"stationId": "S", "interactionNodeIds": ["n2"]}]
    layout = {"layoutId": "L1", "nodes": nodes, "edges": edges, "stations": stations, **changes}
    return {"metaInformation": {}, "layouts": [layout]}


def test_the_demo_plant_goes_there_and_back():
    site = tomllib.loads(TOKYO.read_text())
    document = write_lif(site, NOW, "tote-robot")
    back = read_lif(json.dumps(document))
    assert not back.left_out
    for row in (*site["points"], *back.points):
        row.setdefault("kind", "lane")
        row.setdefault("levels", 0)
    assert back.points == site["points"]
    two_way = [{**row, "two_way": True} for row in site["paths"] if row.pop("two_way", False)]
    one_way = [row for row in site["paths"] if {**row, "two_way": True} not in two_way]
    assert sorted(back.paths, key=str) == sorted([*two_way, *one_way], key=str)
    assert [{"capacity": 1, **row} for row in site["stations"]] == [
        {"capacity": row["capacity"], **{k: row[k] for k in ("name", "point")}}
        for row in back.stations
    ]
    assert tomllib.loads(as_toml(back))["paths"] == back.paths


def test_kinds_are_told_by_what_can_be_done_and_ways_are_joined_when_they_are_alike():
    plant = read_lif(json.dumps(a_layout()))
    assert [(p["name"], p["kind"]) for p in plant.points] == [
        ("n1", "charge"),
        ("n2", "station"),
        ("n3", "storage"),
    ]
    assert plant.paths == [
        {"from": "n1", "to": "n2", "two_way": True, "speed_mps": 1.0},
        {"from": "n2", "to": "n3", "speed_mps": 1.5},
        {"from": "n3", "to": "n2", "speed_mps": 0.5},
    ]
    assert plant.stations == [{"name": "S", "point": "n2", "capacity": 1}]


def test_what_a_site_file_has_no_word_for_is_named():
    document = a_layout()
    edges = document["layouts"][0]["edges"]
    edges[0]["vehicleTypeEdgeProperties"][0]["trajectory"] = {"controlPoints": []}
    edges[1]["vehicleTypeEdgeProperties"][0]["loadRestriction"] = {"loaded": True}
    document["layouts"][0]["stations"].append({"stationId": "T", "interactionNodeIds": []})
    assert read_lif(json.dumps(document)).left_out == {
        "curves: edges are straight here": 1,
        "load restrictions": 1,
        "stations without a node": 1,
    }


def test_all_faults_are_said_at_once():
    nodes = [
        {"nodeId": "a", "nodePosition": {"x": 1, "y": None}},
        {"nodeId": "a", "nodePosition": {"x": 1, "y": 1}},
        {"nodePosition": {"x": 1, "y": 1}},
    ]
    edges = [{"startNodeId": "a", "endNodeId": "a"}, {"startNodeId": "a", "endNodeId": "z"}]
    with pytest.raises(LifFaults) as caught:
        read_lif(json.dumps(a_layout(nodes=nodes, edges=edges)))
    assert len(caught.value.faults) == 6
    for text in ("{", "[]", "{}", json.dumps({"layouts": [None]})):
        with pytest.raises(LifFaults):
            read_lif(text)


def test_of_several_layouts_or_vehicle_types_one_is_chosen():
    document = a_layout()
    document["layouts"].append({**document["layouts"][0], "layoutId": "L2"})
    with pytest.raises(LifFaults, match="L1, L2"):
        read_lif(json.dumps(document))
    other = {"vehicleTypeId": "forklift", "maxSpeed": 2.0}
    document["layouts"][1]["edges"][0]["vehicleTypeEdgeProperties"].append(other)
    with pytest.raises(LifFaults, match="forklift, tugger"):
        read_lif(json.dumps(document), layout="L2")
    plant = read_lif(json.dumps(document), layout="L2", vehicle_type="forklift")
    assert plant.paths == [{"from": "n1", "to": "n2", "speed_mps": 2.0}]
    assert plant.left_out == {"edges of other vehicle types": 3}


def test_the_commands_export_and_import_a_plant(tmp_path: Path):
    runner, file = CliRunner(), tmp_path / "layout.json"
    said = runner.invoke(wcs, ["lif", "export", str(TOKYO)])
    assert said.exit_code == 0, said.output
    file.write_text(said.stdout)
    back = runner.invoke(wcs, ["lif", "import", str(file)])
    assert back.exit_code == 0, back.output
    assert len(tomllib.loads(back.stdout)["points"]) == len(
        tomllib.loads(TOKYO.read_text())["points"]
    )
    file.write_text("{}")
    assert runner.invoke(wcs, ["lif", "import", str(file)]).exit_code == 1
    assert runner.invoke(wcs, ["lif", "export", str(tmp_path / "none.toml")]).exit_code == 2
