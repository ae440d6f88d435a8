"""The WCS is killed between any two events: nothing is lost, nothing collides, nothing is old."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.night import by_night
from tests.wcs.crash import STATE_S, CrashWorld, play
from wcs import journal
from wcs.replay import replay


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SNAPSHOT_EVERY", 20)


def seeds(first: int, count: int) -> Iterator[int]:
    """`SEED` in the environment plays that one only."""
    wanted = os.environ.get("SEED")
    yield from [int(wanted)] if wanted else range(first, first + count)


@pytest.mark.parametrize("count", [30, by_night(1_000)])
@pytest.mark.timeout(3600)  # a thousand seeds by night
def test_killed_at_any_event_every_order_ends_once_and_no_law_is_broken(tmp_path: Path, count: int):
    kills = {"before": 0, "after": 0, "half": 0}
    worst_s = 0.0
    for seed in seeds(0, count):
        try:
            world = play(tmp_path, seed)
        except AssertionError as error:
            raise AssertionError(f"SEED={seed}: {error}") from error
        kills = {how: kills[how] + world.kills[how] for how in kills}
        worst_s = max([worst_s, *world.recoveries_s])
        world.path.unlink()
    one = "SEED" in os.environ
    assert one or min(kills.values()) >= count, f"each seed in the mean once in each way: {kills}"
    assert 0 < worst_s <= 5.0 + STATE_S


def test_a_killed_wcs_leaves_robots_standing_at_the_end_of_what_they_have(tmp_path: Path):
    world = CrashWorld(tmp_path, 3, crashes=0.0)
    ids = world.fetch_and_return(2, 3)
    world.stream, world.inbox = [*world.inbox[-len(ids) :]], world.inbox[: -len(ids)]
    world.run_until(lambda: any(robot.driving_to for robot in world.robots.values()), 200)
    released = {
        name: [robot.node, *([robot.driving_to.node] if robot.driving_to else [])]
        + [node.node for node in robot.ahead]
        for name, robot in world.robots.items()
    }
    world._die("after")
    world.back_at = world.now.replace(year=world.now.year + 1)
    until = world.now.timestamp() + 300
    world.run_until(lambda: world.now.timestamp() >= until, 400)
    for name, robot in world.robots.items():
        assert not robot.ahead
        assert robot.driving_to is None
        assert robot.node in released[name], "nobody went further than it was told"
    world.back_at = world.now
    world.run_until(lambda: world.back_at is None and not world.state.transports, 2_000)
    assert world.ended() == {one: ["FINISHED"] for one in ids}
    world.close()


def test_one_seed_is_one_journal_on_any_python(tmp_path: Path):
    digests = {
        subprocess.run(
            [sys.executable, "-m", "tests.wcs.crash", "11"],
            check=True,
            capture_output=True,
            env={
                **os.environ,
                "PYTHONHASHSEED": hash_seed,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
        ).stdout.split()[-1]
        for hash_seed in ("1", "2")
    }
    found = replay(play(tmp_path, 11).path)
    assert found.difference is None
    assert digests == {found.digest.encode()}
