"""A runner of a cluster of machines, by Ray: the extra `cluster`.

    sweep(snapshot, cases, on_cluster("10.0.0.5:6379"))

The snapshot is sent once. A machine that is lost gives its cases to the others, TRIES times. What
the cases come to is what they come to anywhere (optimizer.scenarios_run).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from optimizer.scenarios import Snapshot
from optimizer.scenarios_run import TRIES, Case, Outcome, Runner, play_case

AHEAD = 2  # cases that are given out, for each processor there is


def on_cluster(address: str | None = None) -> Runner:
    """A runner of the cluster at that address; None: one of this machine alone.

    Raises:
        ModuleNotFoundError: Ray is not installed (`pip install soko[cluster]`).
        ConnectionError: nobody answers there.
    """
    import ray  # noqa: PLC0415 - large, and may not be there

    def play(snapshot: Snapshot, cases: Sequence[Case]) -> Iterator[Outcome]:
        ray.init(address=address, include_dashboard=False, ignore_reinit_error=True)
        task = ray.remote(max_retries=TRIES, retry_exceptions=False)(play_case)
        shared = ray.put(snapshot)
        waiting = list(reversed(cases))
        running: dict[Any, Case] = {}
        try:
            while waiting or running:
                there = ray.cluster_resources()
                most = max(1, int(AHEAD * there.get("CPU", 1)))
                while waiting and len(running) < most:
                    case = waiting.pop()
                    running[task.remote(shared, case)] = case
                for done in ray.wait(list(running), num_returns=1)[0]:
                    case = running.pop(done)
                    try:
                        yield ray.get(done)
                    except ray.exceptions.RayError as error:
                        yield Outcome(key=case.key, failed=f"lost {TRIES} times: {error}")
        finally:
            for left in running:
                ray.cancel(left)
            ray.shutdown()

    return play
