"""The spool keeps its promise: written is written, numbers are not given twice, full is said."""

import asyncio
import itertools
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from edge.kept import InUse
from edge.spool import BOOTS_KEPT, GroupCommit, Spool, SpoolFull

REPOSITORY = Path(__file__).parents[2]

WRITER = """
import itertools, sys
from pathlib import Path
from edge.spool import Spool
spool = Spool(Path(sys.argv[1]))
for n in itertools.count(1):
    print(spool.append([b"%d" % n, b"%d more" % n]), flush=True)
"""


def test_numbers_go_on_after_everything_was_taken_and_the_file_reopened(tmp_path: Path):
    with Spool(tmp_path / "s.db") as spool:
        epoch = spool.epoch
        assert spool.append([b"a", b"b", b"c"]) == 3
        assert spool.read(range(2, 4)) == [b"b", b"c"]
        spool.delete_through(3)
        assert len(spool) == 0
    with Spool(tmp_path / "s.db") as spool:
        assert (spool.epoch, spool.last, spool.acked) == (epoch, 3, 3)
        assert spool.append([b"d"]) == 4
        assert spool.read(range(4, 5)) == [b"d"]


def test_a_deletion_reaches_the_disk_with_the_next_append(tmp_path: Path):
    with Spool(tmp_path / "s.db") as spool:
        spool.append([b"a", b"b", b"c"])
        spool.delete_through(2)
        spool.append([b"d"])
        with sqlite3.connect(tmp_path / "s.db") as other:
            assert other.execute("SELECT seq, body FROM message").fetchall() == [
                (3, b"c"),
                (4, b"d"),
            ]
        other.close()


def test_full_is_said_and_nothing_is_dropped(tmp_path: Path):
    with Spool(tmp_path / "s.db", rows_max=3) as spool:
        spool.append([b"a", b"b"])
        with pytest.raises(SpoolFull, match="2 messages wait, 3 fit"):
            spool.append([b"c", b"d"])
        assert spool.read(range(1, 3)) == [b"a", b"b"]
        spool.delete_through(1)
        assert spool.append([b"c", b"d"]) == 4


def test_a_full_disk_is_full_too(tmp_path: Path):
    with Spool(tmp_path / "s.db") as spool:
        spool.append([b"a"])
        spool._writer.execute("PRAGMA max_page_count = 4")  # the smallest disk there is
        with pytest.raises(SpoolFull, match="full"):
            spool.append([b"x" * 100_000])
        assert spool.last == 1
        spool._writer.execute("PRAGMA max_page_count = 1000")
        assert spool.append([b"x" * 100_000]) == 2


def test_one_process_at_a_time(tmp_path: Path):
    with Spool(tmp_path / "s.db"), pytest.raises(InUse):
        Spool(tmp_path / "s.db")
    Spool(tmp_path / "s.db").close()


def test_starting_over_numbers_what_waits_from_one(tmp_path: Path):
    with Spool(tmp_path / "s.db") as spool:
        epoch = spool.epoch
        spool.append([b"%d" % n for n in range(1, 8)])
        spool.delete_through(4)
        spool.start_over()
        assert spool.epoch != epoch
        assert (spool.acked, spool.last) == (0, 3)
        assert spool.read(range(1, 4)) == [b"5", b"6", b"7"]
    with Spool(tmp_path / "s.db") as spool:
        assert spool.append([b"8"]) == 4


def test_kill_9_loses_nothing_that_was_written(tmp_path: Path):
    written = 0
    for round_ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "s.db")],
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
        ) as process:
            assert process.stdout is not None
            said = list(itertools.islice(process.stdout, 20 + round_))
            process.kill()
            assert process.wait() == -signal.SIGKILL
            said += process.stdout.readlines()
        written = int(said[-1])
    with Spool(tmp_path / "s.db") as spool:
        assert spool.last >= written
        assert spool.last % 2 == 0, "half a commit"
        bodies = spool.read(range(1, spool.last + 1))
    assert [body + b" more" for body in bodies[::2]] == bodies[1::2]


async def test_puts_are_committed_in_groups_in_order(tmp_path: Path):
    commits = 0

    def count() -> None:
        nonlocal commits
        commits += 1

    with Spool(tmp_path / "s.db") as spool:
        group = GroupCommit(spool, on_commit=count)
        task = asyncio.create_task(group.run())
        for n in range(250):
            group.put(b"%d" % n)
        await group.flush()
        assert commits == 3
        assert spool.read(range(1, 251)) == [b"%d" % n for n in range(250)]
        group.put(b"last")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert spool.read(range(251, 252)) == [b"last"], "cancelled, but not lost"


async def test_a_device_that_says_it_again_is_written_once_over_any_restart(tmp_path: Path):
    for opened in range(2):
        with Spool(tmp_path / "s.db") as spool:
            group = GroupCommit(spool)
            task = asyncio.create_task(group.run())
            for seq in (1, 2, 2, 1, 3):
                group.put(b"{}", ("plc1", "boot-a", seq))
            assert group.put(b"{}", ("plc2", "boot-a", 3)) == (not opened)
            assert group.put(b"{}", ("plc1", f"boot-{opened}", 1)), "it counts from 1 again"
            await group.flush()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert spool.last == 5 + opened
            assert spool.heard()["plc1", "boot-a"] == 3


def test_long_gone_runs_of_a_device_are_forgotten(tmp_path: Path):
    for opened in range(2):
        with Spool(tmp_path / "s.db") as spool:
            for boot in range(BOOTS_KEPT + 2):
                spool.append([b"{}"], [("plc1", f"{opened}.{boot}", 7), ("plc2", "only", 7)])
    with Spool(tmp_path / "s.db") as spool:
        of_plc1 = [boot for device, boot in spool.heard() if device == "plc1"]
        assert of_plc1 == [f"1.{boot}" for boot in range(2, BOOTS_KEPT + 2)]
        assert spool.heard()["plc2", "only"] == 7


async def test_put_says_when_there_is_no_room(tmp_path: Path):
    with Spool(tmp_path / "s.db", rows_max=2) as spool:
        group = GroupCommit(spool)
        group.put(b"a")
        group.put(b"b")
        with pytest.raises(SpoolFull):
            group.put(b"c")


def test_a_spool_makes_its_folder(tmp_path: Path):
    Spool(tmp_path / "a" / "b" / "s.db").close()
    assert (tmp_path / "a" / "b" / "s.db").exists()
