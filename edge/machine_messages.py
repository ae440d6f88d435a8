"""Words for machines with a mind of their own: fleets of others, doors, lifts, safety circuits.

    FleetMission  -> a fleet that only takes missions      FleetReport   <- how far each is
    PortalWanted  -> a door or a lift                      PortalReport  <- whose it is, and where
                                                           SafetyReport  <- emergency stop, reset
    RouteUnit     -> a network of conveyors                UnitScanned, BeltChanged  <-

Commands are statements: said again they change nothing. Reports are events: none is lost, and the
same one twice does no harm. Everything else as in edge.messages, whose unions hold these too.

Prices are minor units of a currency; metres; times aware UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

MissionState: TypeAlias = Literal[
    "ACCEPTED", "LOADED", "FINISHED", "FAILED", "CANCELLED", "REFUSED"
]
PortalStatus: TypeAlias = Literal["FREE", "MOVING", "GRANTED", "FAULT"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReport:
    """How far a mission is that a fleet of somebody else was given.

    ACCEPTED, LOADED, then one of FINISHED, FAILED, CANCELLED. REFUSED: the fleet does not have
    it and will not begin it, so another may be asked. `price_minor`: what it costs, once known.
    """

    type: Literal["fleet.report"] = "fleet.report"
    at: datetime
    device: str
    mission: str
    state: MissionState
    robot: str = ""
    metres: float = 0.0
    price_minor: int | None = None
    currency: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalReport:
    """Where a door or lift is, and for which session it stays there, until when."""

    type: Literal["portal.report"] = "portal.report"
    at: datetime
    device: str
    portal: str
    status: PortalStatus
    session: str = ""
    position: str = ""  # "OPEN", a floor …: the words of the site file
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyReport:
    """An emergency stop was pressed, or reset by somebody at the machine."""

    type: Literal["safety.report"] = "safety.report"
    at: datetime
    device: str
    circuit: str
    stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMission:
    """A mission that the fleet shall do, or (`wanted` false) shall not do any more.

    `tells`: how often it was said. Who hears of it for the first time at the second telling does
    not know what became of the first.
    """

    type: Literal["fleet.mission"] = "fleet.mission"
    device: str
    mission: str
    load: str
    source: str
    destination: str
    priority: int = 0
    wanted: bool = True
    tells: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalWanted:
    """This session shall have the portal at that position until then. No session: it is free."""

    type: Literal["portal.wanted"] = "portal.wanted"
    device: str
    portal: str
    session: str = ""
    position: str = ""
    until_at: datetime | None = None


# ------------------------------------------------------------------- networks of conveyors
@dataclass(frozen=True, slots=True, kw_only=True)
class UnitScanned:
    """A tote or carton passes a node of a conveyor network, or stands at it: where to with it?"""

    type: Literal["unit.scanned"] = "unit.scanned"
    at: datetime
    device: str
    node: str
    tracking: int  # the PLC's number for this unit at this node
    status: Literal["GOOD", "NO_READ", "MULTI_READ", "GAP_ERROR", "OVERSIZE", "OVERWEIGHT"]
    barcode: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BeltChanged:
    """A belt can be used, or not: it is jammed, stopped by people, or full at its end."""

    type: Literal["belt.changed"] = "belt.changed"
    at: datetime
    device: str
    belt: str
    status: Literal["OPEN", "JAM", "STOPPED", "FULL"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteUnit:
    """The belt by which a unit leaves a node. Without one it goes through, or waits."""

    type: Literal["unit.route"] = "unit.route"
    device: str
    node: str
    tracking: int
    belt: str
    expires_at: datetime


MachineEvent: TypeAlias = FleetReport | PortalReport | SafetyReport | UnitScanned | BeltChanged
MachineCommand: TypeAlias = FleetMission | PortalWanted | RouteUnit
