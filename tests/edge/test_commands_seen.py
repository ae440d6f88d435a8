"""A command is begun once: by whom, how often and over how many kills it is asked."""

import itertools
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from edge.commands_seen import KEPT, Executed
from edge.kept import InUse

REPOSITORY = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)

BEGINNER = """
import itertools, sys
from datetime import datetime
from pathlib import Path
from uuid import UUID
from edge.commands_seen import Executed
executed = Executed(Path(sys.argv[1]))
for n in itertools.count(int(sys.argv[2])):
    if executed.first_time(UUID(int=n), datetime.fromisoformat(sys.argv[3])):
        print(n, flush=True)
"""


def test_the_first_time_is_the_only_one_in_every_process(tmp_path: Path):
    with Executed(tmp_path / "c.db") as executed:
        assert executed.first_time(UUID(int=1), NOW)
        assert not executed.first_time(UUID(int=1), NOW)
        assert executed.first_time(UUID(int=2), NOW)
    with Executed(tmp_path / "c.db") as executed:
        assert not executed.first_time(UUID(int=1), NOW + timedelta(days=1))
        assert executed.first_time(UUID(int=3), NOW)


def test_many_threads_that_ask_at_once_hear_one_yes(tmp_path: Path):
    with Executed(tmp_path / "c.db") as executed, ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda n: executed.first_time(UUID(int=n % 10), NOW), range(80))
        assert sum(answers) == 10


def test_kill_9_lets_no_command_be_begun_again(tmp_path: Path):
    begun: list[int] = []
    for _ in range(2):
        argv = [sys.executable, "-c", BEGINNER, str(tmp_path / "c.db"), "1", NOW.isoformat()]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
            assert process.stdout is not None
            begun += map(int, itertools.islice(process.stdout, 20))
            process.kill()
            begun += map(int, process.stdout.readlines())
            assert process.wait() == -signal.SIGKILL
    assert len(begun) >= 40
    assert len(set(begun)) == len(begun)


def test_what_is_long_past_its_time_is_forgotten_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("edge.commands_seen.SWEEP_EVERY", 5)
    with Executed(tmp_path / "c.db") as executed:
        late = NOW + timedelta(days=30)
        executed.first_time(UUID(int=1), NOW, expires_at=late)
        for n in range(2, 6):
            executed.first_time(UUID(int=n), NOW)
        after = NOW + KEPT + timedelta(seconds=1)
        assert executed.first_time(UUID(int=6), after)
        assert len(executed) == 2
        assert not executed.first_time(UUID(int=1), after)


def test_one_owner_at_a_time(tmp_path: Path):
    with Executed(tmp_path / "c.db"), pytest.raises(InUse):
        Executed(tmp_path / "c.db")
    Executed(tmp_path / "c.db").close()
