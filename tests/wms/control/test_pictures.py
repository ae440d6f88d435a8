"""What has changed between two pictures; web/test/control.test.ts plays the same vectors."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from wms.api.live import KEPT, Feed
from wms.control.pictures import difference

VECTORS = Path(__file__).parents[2] / "vectors" / "pictures.json"
STATES = ("DRIVING", "WAITING", "FAULT")
Picture = dict[str, Any]


def a_picture(rng: Random, robots: int) -> Picture:
    """Robots somewhere, with somewhere to go."""
    rows = [
        {
            "robot": f"R{n}", "x_m": rng.randint(0, 900) / 100, "y_m": 1.5, "heading_rad": 0.0,
            "state": "DRIVING", "battery": 0.7, "load": None, "transport": None,
            "route": [f"P{k}" for k in range(rng.randint(0, 6))], "paused": False, "why": "",
        }
        for n in range(robots)
    ]  # fmt: skip
    return {
        "type": "site.frame", "at": "2026-04-01T08:00:00Z", "site": "S", "robots": rows,
        "cartons": [], "transports_open": 3, "lanes": [["L1", 2]], "alarms": [], "stops": [],
    }  # fmt: skip


def a_moment_later(rng: Random, before: Picture) -> Picture:
    """Some have moved on, some do something else; some parts are others."""
    now: Picture = json.loads(json.dumps(before))
    now["at"] = f"2026-04-01T08:00:{rng.randint(10, 59)}Z"
    for robot in now["robots"]:
        if rng.random() < 0.5:
            robot["x_m"] = rng.randint(-900, 900) / 100
            robot["heading_rad"] = rng.randint(-3141, 3141) / 1000
            robot["route"] = robot["route"][rng.randint(0, 3) :]
        if rng.random() < 0.3:
            robot["state"], robot["load"] = rng.choice(STATES), rng.choice((None, "x"))
        if rng.random() < 0.2:
            robot["route"] = ["Q1", "Q2"]
    if rng.random() < 0.5:
        now["lanes"] = [["L1", rng.randint(3, 9)]]
    return now


def vectors() -> list[dict[str, Any]]:
    found = []
    for seed in range(8):
        rng = Random(seed)
        before = a_picture(rng, 1 + seed % 4)
        now = a_moment_later(rng, before)
        found.append({"before": before, "told": difference(before, now), "now": now})
    return found


def test_the_screen_is_tried_with_what_is_told():
    """`python -m tests.wms.control.test_pictures` writes them anew."""
    assert json.loads(VECTORS.read_text("utf-8")) == vectors()


def test_nothing_new_is_nothing_but_the_time():
    before = a_picture(Random(1), 3)
    assert difference(before, {**before, "at": "later"}) == {
        "at": "later", "moved": [], "robots": {},
    }  # fmt: skip


@pytest.mark.parametrize("names", [["R0"], ["R0", "R2"], ["R1", "R0"]])
def test_of_other_robots_there_is_no_difference(names: list[str]):
    before = a_picture(Random(1), 2)
    now = {**before, "robots": [{**before["robots"][0], "robot": name} for name in names]}
    assert difference(before, now) is None


def test_points_that_lie_behind_are_counted_and_not_told():
    before = a_picture(Random(1), 1)
    before["robots"][0]["route"] = ["a", "b", "c"]
    now: Picture = json.loads(json.dumps(before))
    now["robots"][0]["route"] = ["b", "c"]
    told = difference(before, now)
    assert told is not None
    assert told["robots"] == {"0": {"drop": 1}}


def test_who_has_seen_the_last_picture_hears_what_moved_and_others_see_all():
    feed, rng = Feed(), Random(1)
    pictures = [a_picture(rng, 3)]
    feed.put(json.dumps(pictures[0]))
    assert feed.news(0) == ("frame", json.dumps(pictures[0])), "who has just come"
    for _ in range(KEPT):
        pictures.append(a_moment_later(rng, pictures[-1]))
        feed.put(json.dumps(pictures[-1]))
    name, told = feed.news(feed.number - 2)
    assert name == "moved"
    assert json.loads(told) == difference(pictures[-3], pictures[-1]), (
        "over a picture that it missed"
    )
    assert feed.news(1)[0] == "frame", "too long ago"


def test_what_is_no_picture_is_passed_on_as_it_is():
    feed = Feed()
    feed.put("{}")
    feed.put("nonsense")
    assert feed.news(1) == ("frame", "nonsense")


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), separators=(",", ":")) + "\n", "utf-8")
