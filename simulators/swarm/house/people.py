"""People with handhelds: they do what the screen says, and what hands have done is done.

Each has one packet in hand, does its steps in order and says so, again and again under the same
id until it is answered. Whoever hears that it was in vain does what the next packet says (put it
back). What lies where and what is in whose hands is kept here (`Goods`): nobody's word counts.

    suppliers' truck ─> dock ─> places <─> hands ─> packing table ─> boxes ─> belt
    customers' boxes ───────────> places
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol
from uuid import UUID

from simulators.swarm.house.process import Answer
from simulators.swarm.house.stage import HUB, TOTE_OF, in_the_morning
from simulators.swarm.laws import law
from simulators.swarm.line import Line
from simulators.swarm.timeline import Timeline
from wms.ids import new_id

AGAIN_S, STEP_S, LOOKS_S = 30.0, 5.0, 150.0
STATION = "ST-1"
KINDS = "recover,putback,pick,pack,putaway,count,sort,crossdock"


@dataclass
class Goods:
    """What is really where, by SKU."""

    at: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    table: Counter[str] = field(default_factory=Counter)
    boxes: dict[str, Counter[str]] = field(default_factory=dict)  # by SSCC
    returned: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    trucks: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dock: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for place, goods in in_the_morning().items():
            self.at[place].update(goods)


class Ask(Protocol):
    """A request over a network; the answer may not come back."""

    def __call__(
        self, line: Line, then: Callable[[Answer], None], method: str, path: str, **what: Any
    ) -> None:
        """Send it."""
        ...


class Speaker:
    """Somebody who asks again until there is an answer, one thing at a time."""

    def __init__(self, timeline: Timeline, ask: Ask, line: Line) -> None:
        self.timeline = timeline
        self._ask, self._line, self._asked, self._heard = ask, line, 0, 0

    @property
    def waits(self) -> bool:
        """Whether there is no answer yet."""
        return self._heard < self._asked

    def say(self, then: Callable[[Answer], None], method: str, path: str, **what: Any) -> None:
        """Ask until it is answered."""
        self._asked += 1
        number = self._asked

        def answered(answer: Answer) -> None:
            if self._heard < number:
                self._heard = number
                then(answer)

        def send() -> None:
            if self._heard < number:
                self._ask(self._line, answered, method, path, **what)
                self.timeline.later(AGAIN_S, send)

        send()


class Operator(Speaker):
    """One person, one handheld, one packet at a time."""

    def __init__(
        self, name: str, timeline: Timeline, ask: Ask, line: Line, goods: Goods, chance: Random
    ) -> None:
        super().__init__(timeline, ask, line)
        self.name, self.goods = name, goods
        self.hand, self.todo = Counter[str](), list[tuple[str, str]]()  # kind, what is scanned
        self.packet: dict[str, Any] | None = None
        self.lay: Callable[[str], None] = lambda _sscc: None  # a box on the belt
        self.now: Callable[[], Any] = lambda: timeline.now
        self.done = Counter[str]()  # packets, by kind
        self._chance, self._seq, self._place = chance, 0, ""
        self._box: tuple[str, Counter[str]] = ("", Counter())
        self._headers = {"X-Soko-Device": name, "X-Soko-Operator": name}

    def begin(self) -> None:
        """Come to work."""
        self.timeline.later(self._chance.uniform(1.0, LOOKS_S), self._look)

    @property
    def is_idle(self) -> bool:
        """Whether they have nothing in hand, and nothing that they were told to do."""
        return self.packet is None and not self.todo and not +self.hand and not +self._box[1]

    # --------------------------------------------------------------------------- packets
    def _look(self) -> None:
        if self.packet is not None or self.waits:
            return
        if self.todo and not +self.hand:
            kind, scanned = self.todo[0]
            body = {"site": HUB, "kind": kind, "scanned": scanned}
            self.say(self._started, "POST", "/api/v1/work/start", json=body, headers=self._headers)
            return
        query = {"site": HUB, "kinds": KINDS}
        if self._chance.random() < 0.5:
            query["station"] = STATION
        self.say(self._given, "GET", "/api/v1/work/next", params=query, headers=self._headers)

    def _started(self, answer: Answer) -> None:
        """Somebody else may have it in hand, or it is not known yet: later."""
        if not answer.good:
            law(answer.status in {404, 409}, f"{self.name} begins {self.todo[0]}: {answer}")
            self.todo.append(self.todo.pop(0))
        self._given(answer if answer.good else Answer(204, None))

    def _given(self, answer: Answer) -> None:
        law(answer.status in {200, 204}, f"{self.name} asks for work: {answer}")
        self.packet = answer.body if answer.status == 200 else None
        self.timeline.later(STEP_S if self.packet else LOOKS_S, self._go_on)

    def _go_on(self) -> None:
        if self.packet is None:
            self._look()
            return
        step = next(each for each in self.packet["steps"] if each["id"] == self.packet["step"])
        if self._is_yet_to_come(step):
            self.timeline.later(LOOKS_S, self._go_on)
            return
        events = [self._event(kind, value) for kind, value in self._deeds(step)]
        self.say(
            lambda answer: self._heard_of(answer, events[-1]["packet"]), "POST",
            "/api/v1/work/events", json={"events": events}, headers=self._headers,
        )  # fmt: skip

    def _event(self, kind: str, value: Any) -> dict[str, Any]:
        assert self.packet is not None
        self._seq += 1
        return {
            "id": str(new_id(self.timeline.now)), "packet": self.packet["id"],
            "rev": self.packet["rev"], "step": self.packet["step"], "type": kind, "value": value,
            "at": self.now().isoformat(), "seq": self._seq, "device": self.name,
        }  # fmt: skip

    def _heard_of(self, answer: Answer, packet_id: str) -> None:
        law(answer.status == 200, f"{self.name} says what was done: {answer}")
        assert self.packet is not None
        problems = [each["problem"] for each in answer.body["results"] if each["problem"]]
        old, self.packet = self.packet, answer.body["packet"]
        if self.packet is not None and self.packet["step"] is None:
            self.packet = None
        if problems:
            vain = problems[0]["code"] in {"stale_packet", "packet_cancelled"}
            law(vain, f"{self.name} at {old['step']} of {old['kind']} {packet_id}: {problems[0]}")
            self._in_vain()
        elif self.packet is None or self.packet["id"] != packet_id:
            self._ended(old)
        self.timeline.later(STEP_S, self._go_on)

    def _in_vain(self) -> None:
        """A box that was begun goes back to the table; goods from a place wait for a word."""
        self.goods.table.update(self._box[1])
        self._box = ("", Counter())

    def _ended(self, packet: Mapping[str, Any]) -> None:
        self.done[packet["kind"]] += 1
        deed = (packet["kind"], packet["title"])
        self.todo = [each for each in self.todo if each != deed]
        if packet["kind"] == "pick":
            self._to_table()
        sscc, goods = self._box
        if sscc:
            law(sscc not in self.goods.boxes, f"{sscc} is packed twice")
            self.goods.boxes[sscc], self._box = goods, ("", Counter())
            self.lay(sscc)

    def _to_table(self) -> None:
        self.goods.table.update(self.hand)
        self.hand.clear()

    # ----------------------------------------------------------------------------- steps
    def _is_yet_to_come(self, step: Mapping[str, Any]) -> bool:
        """Whether somebody still has in hand what is to be taken from the table or the dock."""
        goods, said = self.goods, step["say"]["code"]
        there = {
            "pack.scan_item": goods.table, "putback.scan_item": goods.table,
            "putaway.count": goods.dock,
        }.get(said)  # fmt: skip
        if there is None or not step["qty"]:
            return False
        return any(there[code] < step["qty"]["target"]
                   for expect in step["expect"] for code in expect["codes"][:1])  # fmt: skip

    def _deeds(self, step: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """What is done at a step, and so said: hands first."""
        codes = [code for expect in step["expect"] for code in expect["codes"]]
        said, qty = step["say"]["code"], step["qty"]
        if step["op"] not in {"scan", "count"}:
            return self._chosen(step, said, codes)
        if said == "inbound.scan_anything":
            return self._unload(step)
        if said == "count.scan_items":
            return self._counted()
        units = qty["target"] if qty else 0
        if qty and (sku := codes[0] if codes else ""):
            units = self._handle(said, sku, units)
            if units < qty["target"] and not qty["open"]:
                return [("exception", {"code": "short", "found": units})]
        elif codes:
            self._stand(said, codes[0])
        deeds: list[tuple[str, Any]] = [("scan", codes[0])] if codes else []
        if qty and (units > 1 or not codes):
            deeds.append(("qty", units))
        return [*deeds, ("choice", "done")] if qty and qty["open"] else deeds

    def _chosen(
        self, step: Mapping[str, Any], said: str, codes: list[str]
    ) -> list[tuple[str, Any]]:
        if said == "pack.print_label":
            facts = {fact["label"]: fact["value"] for fact in step["facts"]}
            self._box = (facts["sscc"], self._box[1])
        elif said == "recover.hand_over":
            self._to_table()
        elif said == "inbound.finish":
            return [("choice", "CLOSE")]
        return [("choice", codes[0] if codes else "ok")]

    def _unload(self, step: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """The next goods of the truck, or: that was all."""
        left = +self.goods.trucks[step["big"]]
        if not left:
            return [("exception", {"code": "finish", "found": 0})]
        self._place = step["big"]
        return [("scan", min(left))]

    def _counted(self) -> list[tuple[str, Any]]:
        """Everything that lies here."""
        deeds: list[tuple[str, Any]] = []
        for sku, units in sorted((+self.goods.at[self._place]).items()):
            deeds += [("scan", sku), *([("qty", units)] if units > 1 else [])]
        return [*deeds, ("choice", "done")]

    def _stand(self, said: str, code: str) -> None:
        """They stand before a place, or put there what they hold."""
        goods = self.goods
        self._place = TOTE_OF.get(code, code)
        if said in {"recover.scan_place", "putback.scan_place", "return.scan_shelf"}:
            goods.at[self._place].update(self.hand)
            self.hand.clear()

    def _handle(self, said: str, sku: str, units: int) -> int:
        """Take so many, or as many as there are; how many."""
        goods = self.goods
        sources: dict[str, Counter[str]] = {
            "pick.scan_item": goods.at[self._place], "putback.scan_item": goods.table,
            "pack.scan_item": goods.table, "putaway.count": goods.dock,
            "inbound.count": goods.trucks[self._place], "recover.scan_item": self.hand,
            "return.scan_item": goods.returned[self._title],
        }  # fmt: skip
        ends: dict[str, Counter[str]] = {
            "pick.scan_item": self.hand, "putback.scan_item": self.hand,
            "pack.scan_item": self._box[1], "putaway.count": goods.at[self._place],
            "inbound.count": goods.dock, "recover.scan_item": self.hand,
            "return.scan_item": self.hand,
        }  # fmt: skip
        if said not in sources:
            return units
        there = sources[said]
        took = there[sku] if said == "inbound.count" else min(units, there[sku])
        there[sku] -= took
        ends[said][sku] += took
        return took

    @property
    def _title(self) -> str:
        return str(self.packet["title"]) if self.packet else ""


def as_uuid(seed: int, number: int, what: str) -> UUID:
    """An id that its sender thinks up once."""
    return UUID(int=Random(f"{seed}/{number}/{what}").getrandbits(128), version=4)
