"""Packets for tests, built by what matters about them."""

from datetime import UTC, datetime
from uuid import UUID

from wms.work.packet import Expect, Packet, Quantity, Say, Step, new_packet

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
PACKET = UUID(int=7)


def a_packet(targets: list[int]) -> Packet:
    """One counting step for each target, of the items I0, I1, …"""
    steps = tuple(
        Step(
            id=str(n),
            op="scan",
            say=Say(code="x"),
            big="",
            expect=(Expect(kind="item", codes=(f"I{n}",)),),
            qty=Quantity(target=target, max=target),
            allow=("short", "undo"),
        )
        for n, target in enumerate(targets)
    )
    return new_packet(PACKET, "pick", "", steps, NOW)
