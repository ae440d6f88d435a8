"""Scenarios to run in tests; and a sweep on a cluster of two nodes of which one is lost.

python -m tests.optimizer.scenario_sweep 200
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from optimizer.scenario_patches import Capacity, Demand, Rates
from optimizer.scenarios import Patch, Snapshot
from optimizer.scenarios_ray import on_cluster
from optimizer.scenarios_run import Case, Outcome, outcome_to, sweep
from tests.optimizer.scenario_network import network


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadly:
    """A patch that ends its process."""

    def on(self, snapshot: Snapshot) -> Snapshot:
        """Never comes back."""
        os.kill(os.getpid(), signal.SIGKILL)
        return snapshot


def cases(count: int) -> list[Case]:
    """That many: four scenarios, with as many seeds as needed."""
    van, few = Rates(carrier="VAN", factor=1.2), Capacity(units_per_day=3)
    scenarios: list[tuple[Patch, ...]] = [(), (Demand(factor=1.5),), (van,), (few,)]
    return [
        Case(key=f"{at % 4}/{at // 4}", patches=scenarios[at % 4], seed=at // 4)
        for at in range(count)
    ]


def shown(outcomes: dict[str, Outcome]) -> str:
    """To compare."""
    return json.dumps([outcome_to(each) for each in outcomes.values()])


class LosesANode(dict[str, Outcome]):
    """Keeps outcomes, and ends a node of the cluster after some."""

    def __init__(self, cluster: object, node: object, after: int) -> None:
        super().__init__()
        self._cluster, self._node, self._after = cluster, node, after

    @override
    def __setitem__(self, key: str, outcome: Outcome) -> None:
        super().__setitem__(key, outcome)
        if len(self) == self._after:
            self._cluster.remove_node(self._node, allow_graceful=False)  # type: ignore[attr-defined]
            sys.stderr.write(f"a node was lost after {len(self)} runs\n")


def main(words: Sequence[str]) -> None:
    """Sweep, losing a node in the middle; print the outcomes."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - only where it is installed

    count = int(words[0])
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    lost = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    kept = LosesANode(cluster, lost, count // 2)
    found = sweep(network(), cases(count), on_cluster(cluster.address), kept=kept)
    sys.stdout.write("\n" + shown(found) + "\n")
    sys.stdout.flush()
    cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
