"""A shelf of pick-to-light modules on MQTT, as edge.drivers.lights speaks with them.

Each light shows what it was last told and says what was pressed; `wake` and `sleep` are its plug.
"""

import json
from typing import Any
from uuid import UUID

from edge.mqtt import Bus, Message


class LightShelf:
    """The lights below one prefix."""

    def __init__(self, bus: Bus, prefix: str) -> None:
        self.shown: dict[str, dict[str, Any]] = {}  # what each light shows
        self._bus, self._prefix = bus, prefix
        self._presses: dict[str, int] = {}
        bus.subscribe(f"{prefix}/+/set", qos=1, handler=self._on_set)

    def press(self, light: str, units: int | None = None, *, times: int = 1) -> None:
        """Press a button; `times` is how often the broker shall deliver it."""
        self._presses[light] = self._presses.get(light, 0) + 1
        said: dict[str, Any] = {"press": self._presses[light], "units": units}
        command = self.shown.get(light, {}).get("command")
        if command is not None:
            said["command"] = str(UUID(command))
        for _ in range(times):
            self._bus.publish(f"{self._prefix}/{light}/pressed", json.dumps(said).encode())

    def wake(self, light: str) -> None:
        """Plug a light in."""
        self._bus.publish(f"{self._prefix}/{light}/online", b"1", retain=True)

    def sleep(self, light: str) -> None:
        """Pull its plug."""
        self._bus.publish(f"{self._prefix}/{light}/online", b"0", retain=True)

    def _on_set(self, message: Message) -> None:
        light = message.topic.removeprefix(f"{self._prefix}/").partition("/")[0]
        self.shown[light] = json.loads(message.body)
