"""Compiling ahead: after it, a busy hour of the product compiles nothing more."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUSY_HOUR = "tests/wms/outbound/test_flow.py::test_every_line_of_a_busy_hour_ends_once"


def kept(folder: Path) -> set[str]:
    """What was compiled so far, a name for each loop and kind of arguments."""
    return {each.name for each in folder.rglob("*.nbc")}


@pytest.mark.nightly
@pytest.mark.timeout(1200)  # it compiles everything twice where it is wrong
@pytest.mark.skipif(find_spec("numba") is None, reason="numba (the extra `fast`) is not installed")
def test_what_release_and_sourcing_need_is_compiled_before_they_begin(tmp_path: Path):
    surroundings = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "SOKO_COMPILED": "1"}

    def run(*words: str) -> None:
        subprocess.run([sys.executable, *words], cwd=ROOT, env=surroundings, check=True)

    run("-m", "simulators.compile_ahead")
    ahead = kept(tmp_path)
    assert ahead
    run("-m", "pytest", "-q", "--timeout", "600", BUSY_HOUR)
    assert kept(tmp_path) == ahead
