"""`soko edge probe`: what devices say, live, and whether that is what one would expect.

If the edge runs on this machine its devices are listened to through it (a reader takes one client
only); otherwise their drivers are run here for a while. Nothing is told to a device. Every line is
one thing that a device said; at the end stands how each device is, with what its driver counts.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge.agent import EdgeSettings, make_drivers
from edge.clock import Clock, counted
from edge.control import Answer, NotRunning, ask, listen, said, socket_of
from edge.drivers import Driver
from edge.messages import DeviceEvent, RobotReport
from edge.run import check_meant
from edge.site import EdgeSite, SiteFaults
from edge.upkeep import Upkeep

Show = Callable[[str], object]

_HEAD = ("status", "detail", "since")


async def probe(  # noqa: PLR0913 - what a command line says
    site: EdgeSite,
    device: str | None,
    settings: EdgeSettings,
    clock: Clock,
    *,
    seconds: float,
    real: bool,
    show: Show,
) -> bool:
    """Show what devices say for so long; whether all of them were reached.

    Raises:
        SiteFaults: there is no such device, or a driver cannot use its row.
        Unmeant: real machines, no edge that runs here, and `real` is not said.
    """
    if device is not None and device not in site.devices:
        raise SiteFaults([f"there is no device {device}; there are {', '.join(site.devices)}"])
    path = socket_of(settings.state_dir, site.code)
    try:
        health = await _through(path, device, seconds, show)
    except NotRunning:
        only = {device} if device is not None else {*site.devices}
        check_meant(site, real=real, only=only)
        show(f"no edge of {site.code} runs here: connecting to its devices for {seconds:g} s")
        clock = counted(clock)
        drivers = make_drivers(site, settings, clock, only)
        health = await _alone(drivers, clock, seconds, show)
    for name, figures in health.items():
        show(health_of(name, figures))
    return all(figures["status"] in {"UP", "FAULT"} for figures in health.values())


async def _through(
    path: Path, device: str | None, seconds: float, show: Show
) -> Mapping[str, Answer]:
    """Listen through the edge that runs here."""
    names: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for answer in listen(path, device):
                if "error" in answer:
                    raise SiteFaults([answer["error"]])
                if "listening" in answer:
                    names = answer["listening"]
                    show(f"through the edge that runs here, to {', '.join(names)}")
                else:
                    show(line_of(answer))
    status: Answer = await asyncio.to_thread(
        lambda: next(ask(path, {"do": "status"}), {"devices": {}})
    )
    return {name: figures for name, figures in status["devices"].items() if name in names}


async def _alone(
    drivers: Mapping[str, Driver], clock: Clock, seconds: float, show: Show
) -> Mapping[str, Answer]:
    """Run the drivers here."""

    def say(message: DeviceEvent | RobotReport) -> None:
        show(line_of(said.dump_python(message, mode="json")))

    devices = [Upkeep(driver, say, clock=clock) for driver in drivers.values()]
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            for each in devices:
                tasks.create_task(each.run())
    return {each.name: each.health() for each in devices}


def line_of(message: Mapping[str, Any]) -> str:
    """One line for what a device said: when, who, what, and its fields that say something."""
    who = message.get("device", message.get("robot", ""))
    rest = {k: v for k, v in message.items() if k not in {"at", "device", "robot", "type"}}
    words = [f"{k}={_short(v)}" for k, v in rest.items() if v not in (None, "", [], False)]
    return (
        f"{message.get('at', '')[11:23]:<12} {who:<14} {message.get('type', ''):<16} "
        + " ".join(words)
    )


def health_of(name: str, figures: Mapping[str, Any]) -> str:
    """One device in a few lines: how it is, then its figures."""
    detail = f": {figures['detail']}" if figures["detail"] else ""
    since = f" since {figures['since'][:19]}" if figures["since"] else ""
    rest = " ".join(
        f"{key}={_short(value)}"
        for key, value in figures.items()
        if key not in _HEAD and value != ""
    )
    return f"{name:<14} {figures['status']}{since}{detail}\n    {rest}"


def show_status(answer: Answer, show: Show) -> None:
    """The answer to `status`."""
    edge = " ".join(f"{key}={_short(value)}" for key, value in answer["edge"].items())
    show(f"site {answer['site']}\n    {edge}")
    for name, figures in answer["devices"].items():
        show(health_of(name, figures))


def show_reload(answer: Answer, show: Show) -> None:
    """The answer to `reload`."""
    done = [f"{what}: {', '.join(names)}" for what, names in answer.items() if names]
    show("; ".join(done) or "nothing has changed")


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    if isinstance(value, list | dict):
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - a line of a screen
