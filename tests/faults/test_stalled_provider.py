"""A fleet's provider takes every question and answers none: the other fleet works on meanwhile,
and what was asked of the silent one is done once when it speaks again.
"""

from edge.messages import DeviceStatus
from edge.ports import HOST
from simulators.live_raas import RaasServer
from tests.edge.live_cell import CLOCK, Wcs, running, until
from tests.edge.test_fleet_api import mission, over_http, quick, states
from tests.faults.proxy import FaultProxy


async def test_a_silent_provider_delays_nobody_else_and_its_mission_is_done_once():
    with (
        RaasServer(quick(), CLOCK) as near,
        RaasServer(quick(), CLOCK) as far,
        FaultProxy((HOST, far.port), seed=1) as line,
    ):
        good, silent = over_http(near.port), over_http(line.port)
        of_good, of_silent = Wcs(), Wcs()
        async with running(good, of_good), running(silent, of_silent):
            await until(lambda: of_good.of(DeviceStatus) and of_silent.of(DeviceStatus))
            line.partition()
            await silent.tell(mission("s1"))
            for number in range(5):
                await good.tell(mission(f"g{number}"))
            await until(
                lambda: all(states(of_good, f"g{n}")[-1:] == ["FINISHED"] for n in range(5))
            )
            assert states(of_silent, "s1")[-1:] != ["FINISHED"]
            line.heal()
            await until(lambda: states(of_silent, "s1")[-1:] == ["FINISHED"])
        assert near.provider.carried == [f"load-g{n}" for n in range(5)]
        assert far.provider.carried == ["load-s1"]
