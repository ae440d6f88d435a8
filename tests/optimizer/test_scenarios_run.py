"""Many scenarios: the same wherever they are run, stopped between or not, whoever fails."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from optimizer.scenario_patches import CloseNode
from optimizer.scenarios import Snapshot
from optimizer.scenarios_run import (
    Case,
    Outcome,
    Runner,
    in_turn,
    outcome_from,
    outcome_to,
    pooled,
    sweep,
)
from tests.night import by_night
from tests.optimizer.scenario_network import network
from tests.optimizer.scenario_sweep import Deadly, cases, shown

ROOT = Path(__file__).parents[2]
IMPOSSIBLE = Case(key="impossible", patches=(CloseNode(node="SPK1"),))


@pytest.mark.parametrize("runner", [in_turn, by_night(pooled(2))])
def test_a_pool_finds_what_one_process_does_and_a_failure_is_its_own(runner: Runner):
    wanted = [*cases(5), IMPOSSIBLE]
    one, two = sweep(network(), wanted), sweep(network(), wanted, runner)
    assert shown(one) == shown(two)
    assert list(two) == [case.key for case in wanted]
    assert two["impossible"].failed == "PatchError: there is no node SPK1"
    assert all(two[case.key].played is not None for case in wanted[:-1])
    assert outcome_from(outcome_to(two["0/0"])) == two["0/0"]


def test_what_was_stopped_goes_on_where_it_was():
    played: list[str] = []

    def listed(snapshot: Snapshot, some: Sequence[Case]) -> Iterator[Outcome]:
        for outcome in in_turn(snapshot, some):
            played.append(outcome.key)
            yield outcome

    kept: dict[str, Outcome] = {}
    first = sweep(network(), cases(8), listed, kept=kept, stop=lambda: len(kept) >= 3)
    assert list(first) == ["0/0", "1/0", "2/0"]
    again = sweep(network(), cases(8), listed, kept=kept)
    assert shown(again) == shown(sweep(network(), cases(8)))
    assert played == [case.key for case in cases(8)]  # each once


def test_what_failed_is_played_again():
    kept = {"0/0": Outcome(key="0/0", failed="its process died")}
    assert sweep(network(), cases(1), kept=kept)["0/0"].played is not None


def test_keys_must_differ():
    with pytest.raises(ValueError, match="same key"):
        sweep(network(), [*cases(1), *cases(1)])


@pytest.mark.nightly
def test_a_process_that_dies_fails_no_other_case():
    wanted = [*cases(3), Case(key="deadly", patches=(Deadly(),)), *cases(8)[3:]]
    found = sweep(network(), wanted, pooled(2))
    assert found["deadly"].failed == "its process died, 3 times"
    del found["deadly"]
    assert shown(found) == shown(sweep(network(), cases(8)))


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra `cluster`")
def test_a_cluster_that_loses_a_node_has_all_results_and_the_same():
    words = [sys.executable, "-m", "tests.optimizer.scenario_sweep", "200"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "a node was lost after 100 runs" in done.stderr
    assert done.stdout.splitlines()[-1] == shown(sweep(network(), cases(200)))
