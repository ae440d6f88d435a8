"""What damaged frames a fuzzer finds that is led by the code they reach: none raises what its
protocol never raises, takes long, or leaves memory taken. By day some seconds, by night a minute
for each protocol.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.edge.test_fuzz import PROTOCOLS

ROOT = Path(__file__).parents[2]
LEAST = ("-seed=1", "-timeout=5", "-rss_limit_mb=1024", "-max_len=4096")
GROWTH_MAX_MB = 50  # libFuzzer keeps what has reached new code, and what it has learned
# What is read by compiled code alone reaches no lines.
TOLD = re.compile(rb"^#(\d+)\s+(INITED|DONE)(?:\s+cov: (\d+))?.* rss: (\d+)Mb", re.MULTILINE)


def guided(name: str, folder: Path, *options: str) -> dict[str, tuple[int, int, int]]:
    """Frames read, lines reached and megabytes taken, at the beginning and at the end."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.edge.guided", name, str(folder), *LEAST, *options],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:].decode(errors="replace")
    found = TOLD.findall(done.stderr)
    return {at.decode(): (int(frames), int(lines or 0), int(mb)) for frames, at, lines, mb in found}


def judge(found: dict[str, tuple[int, int, int]], least: int) -> int:
    """So many frames, and no memory; how many more lines were reached than by right frames."""
    (_, lines_at_first, mb_at_first), (frames, lines, mb) = found["INITED"], found["DONE"]
    assert frames >= least
    assert mb - mb_at_first < GROWTH_MAX_MB
    return lines - lines_at_first


@pytest.mark.timeout(120)
def test_no_frame_breaks_a_reader_of_any_protocol(tmp_path: Path):
    reached = judge(guided("all", tmp_path, "-runs=20000"), 20_000)
    assert reached > 50, "it sees nothing of where a frame goes"


@pytest.mark.nightly
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_frame_breaks_a_reader_in_a_minute(name: str, tmp_path: Path):
    judge(guided(name, tmp_path, "-max_total_time=60"), 1_000)


def test_a_reader_that_breaks_is_found(tmp_path: Path):
    (tmp_path / "broken.py").write_text(
        "import sys, atheris\n"
        "from tests.edge import guided\n"
        "from tests.edge.test_fuzz import PROTOCOLS\n"
        "PROTOCOLS['scale'] = PROTOCOLS['scale']._replace(refuses=())\n"
        "guided.main('scale', __import__('pathlib').Path(sys.argv[1]), ['-runs=5000', '-seed=1'])\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "broken.py"), str(tmp_path)],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert b"Uncaught Python exception" in done.stderr + done.stdout
