"""A house with zones, a put wall and several pickers who take totes and scan what each step wants.

Pickers do what the packet says, one event at a time, through the handheld's door. What they find
otherwise than the books say, a test puts into `finds`.
"""

import itertools
from typing import Any

from tests.builders import an_id
from tests.wms.house import HUB, House
from wms.database import Database

MODES = ("SINGLE", "BATCH", "CLUSTER", "ZONE", "PASS", "PUT_WALL")
PLACES = [
    {"site": HUB, "code": f"{zone}{aisle:02d}-{bay:02d}", "kind": "PICK_FACE", "zone": zone,
     "aisle": aisle, "bay": bay}
    for zone, aisle in (("P", 1), ("P", 2), ("Q", 3)) for bay in (1, 2)
] + [
    {"site": HUB, "code": f"W-{number}", "kind": "PUT_WALL", "zone": "WALL"}
    for number in range(1, 7)
] + [
    {"site": HUB, "code": f"DROP-{zone}", "kind": "TOTE", "zone": zone} for zone in ("P", "Q")
] + [
    {"site": HUB, "code": "BULK-1", "kind": "RESERVE", "zone": "BULK", "aisle": 4, "bay": 1}
]  # fmt: skip


class Floor(House):
    """The house, and those who pick in it."""

    def __init__(self, database: Database, **floor: Any) -> None:
        super().__init__(database, **floor)
        self._totes = itertools.count(1)
        self.finds: dict[str, tuple[str, Any]] = {}  # by the big value or SKU: what is done instead
        self.ok(self.http.put("/master/v1/locations", json=PLACES))

    def channel(self, code: str = "all", **more: Any) -> None:
        """Say how the hub releases."""
        body = {"wip_lines_max": 100} | more
        self.ok(self.http.put(f"/console/v1/channels/{HUB}/{code}", json=body))

    def wave(self, **more: Any) -> str:
        """Plan a wave; its id."""
        wave_id = str(an_id())
        body = {"site": HUB, "name": "noon"} | more
        assert self.http.put(f"/console/v1/waves/{wave_id}", json=body).status_code == 201
        return wave_id

    def act(self, wave_id: str, what: str, command: Any = None) -> dict[str, Any]:
        """Do something to a wave; the answer."""
        body = {"command_id": str(command or an_id())}
        answer: dict[str, Any] = self.ok(
            self.http.post(f"/console/v1/waves/{wave_id}:{what}", json=body)
        )
        return answer

    def seen(self, wave_id: str) -> dict[str, Any]:
        """A wave as people see it."""
        body: dict[str, Any] = self.ok(self.http.get(f"/console/v1/waves/{wave_id}"))
        return body

    def pick_all(self, kind: str = "pick", people: int = 3) -> list[dict[str, Any]]:
        """Everybody takes packets and goes one step in turn; the packets as they ended."""
        ended: list[dict[str, Any]] = []
        hands: dict[str, dict[str, Any] | None] = {f"hh-{n}": None for n in range(people)}
        while True:
            for device, packet in hands.items():
                hands[device] = packet or self.next_packet(HUB, kind, device=device)
            if not any(hands.values()):
                if not self.jobs.release() + self.job("sort"):
                    return ended
                continue
            for device, packet in hands.items():
                if packet is not None:
                    hands[device] = self.one_step(packet, device)
                    ended += [packet] if hands[device] is None else []

    def one_step(self, packet: dict[str, Any], device: str) -> dict[str, Any] | None:
        """One step of a packet; the packet after it."""
        step = next(step for step in packet["steps"] if step["id"] == packet["step"])
        events = [
            self.event(packet, kind, value, device=device) for kind, value in self._what(step)
        ]
        answer = self.send(*events, device=device)
        problems = [each["problem"] for each in answer["results"] if each["problem"]]
        assert not problems, (step, problems)
        after: dict[str, Any] | None = answer["packet"]
        return after

    def _what(self, step: dict[str, Any]) -> list[tuple[str, Any]]:
        codes = [code for expect in step["expect"] for code in expect["codes"]]
        for key in (step["big"], *codes):
            of = f"{step['id'].partition('.')[2]} {key}"
            if of in self.finds:
                return [self.finds.pop(of)]
        if step["op"] not in {"scan", "count"}:
            return [("choice", codes[0] if codes else "ok")]
        quantity = step["qty"]
        if quantity and quantity["distinct"]:
            return [("scan", code) for code in codes[: quantity["target"]]]
        deeds = [("scan", codes[0] if codes else f"TOTE-{next(self._totes)}")]
        if quantity and quantity["target"] > 1:
            deeds.append(("qty", quantity["target"]))
        return deeds
