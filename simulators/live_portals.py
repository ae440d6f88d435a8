"""A building's doors, lifts and safety circuits on MQTT, as edge.drivers.portals speaks with them.

`step` lets time pass and says what has changed; `press` and `reset` are a person at the machine.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from edge.clock import Clock
from edge.mqtt import Bus, Message
from simulators.portals import CircuitModel, PortalModel


class LivePortals:
    """The portals and circuits below one prefix."""

    def __init__(
        self,
        bus: Bus,
        prefix: str,
        clock: Clock,
        portals: Sequence[PortalModel] = (),
        circuits: Sequence[CircuitModel] = (),
    ) -> None:
        self.portals = {model.name: model for model in portals}
        self.circuits = {model.name: model for model in circuits}
        self._bus, self._prefix, self._clock = bus, prefix, clock
        self._told: dict[str, bytes] = {}
        bus.subscribe(f"{prefix}/portals/+/set", qos=1, handler=self._on_set)

    def come(self) -> None:
        """Be there, and say how everything is."""
        self._bus.publish(f"{self._prefix}/online", b"1", retain=True)
        self.step()

    def go(self) -> None:
        """Be away, and say so."""
        self._bus.publish(f"{self._prefix}/online", b"0", retain=True)

    def step(self) -> None:
        """Let time pass; say what has changed."""
        now = self._clock.now()
        for model in self.portals.values():
            model.step(now)
            lease_s = round((model.until_at - now).total_seconds(), 1) if model.until_at else None
            said = {"status": model.status, "session": model.session, "position": model.at}
            self._tell(f"portals/{model.name}", {**said, "lease_s": lease_s}, said)
        for circuit in self.circuits.values():
            self._tell(f"circuits/{circuit.name}", {"stopped": circuit.stopped})

    def _tell(
        self, name: str, said: Mapping[str, object], gist: Mapping[str, object] | None = None
    ) -> None:
        key = json.dumps(gist or said).encode()
        if self._told.get(name) != key:
            self._told[name] = key
            body = json.dumps(said).encode()
            self._bus.publish(f"{self._prefix}/{name}/state", body, retain=True)

    def _on_set(self, message: Message) -> None:
        name = message.topic.removeprefix(f"{self._prefix}/portals/").removesuffix("/set")
        if (model := self.portals.get(name)) is None:
            return
        asked, now = json.loads(message.body), self._clock.now()
        until_at = now + timedelta(seconds=asked["lease_s"]) if asked["session"] else None
        model.want(asked["session"], asked["position"], until_at, now)
        self._told.pop(f"portals/{name}", None)  # a lease that was renewed is said, too
        self.step()
