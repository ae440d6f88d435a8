"""What comes in by streams: put in order, told the time, and what makes no sense set aside.

    batch ─> what is new ─> its times put right ─> understood? ─> inbox
                                                        └─ no ──> dead letter
    at most every second: letters that people want tried again ─> the same way

Nothing here is written down: `take` hands out all that has come together, and the journal writes
it in one transaction (what came in, how far its stream was taken, which letters were set aside
or taken out). Only then is it acknowledged.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError

from edge.dead import DeadLetter
from edge.messages import DeviceStatus, device_event
from edge.stamp import put_right, shift_of
from edge.stream import Ack, Malformed, Receiver, decode_batch
from wcs.engine import Incoming, inbox_json
from wcs.messages import to_wcs

log = structlog.get_logger(__name__)

LETTERS = "dead.letters"  # the device that is at fault while there are some

_Reader = Callable[[Mapping[str, Any]], Incoming]
READERS: Mapping[str, _Reader] = {
    "edge": device_event.validate_python,
    "wms": to_wcs.validate_python,
}


@dataclass(slots=True)
class Taken:
    """What came together: for one step and one transaction."""

    inbox: list[Incoming] = field(default_factory=list)
    acks: dict[tuple[str, str], Ack] = field(default_factory=dict)  # by stream and epoch
    aside: list[DeadLetter] = field(default_factory=list)
    dug_up: list[int] = field(default_factory=list)
    letters: dict[int, DeadLetter] = field(default_factory=dict)  # where each message came from

    def set_aside(self, place: int, message: Incoming, problem: str, now: datetime) -> None:
        """The message at that place of the inbox is not taken in, for that reason."""
        letter = self.letters.get(place)
        if letter is None:  # of our own, or no stream's: the latest of its kind is kept
            (body,) = json.loads(inbox_json.dump_json([message]))
            about = f"live {body.get('robot') or body['type']}"
            letter = DeadLetter(0, "edge", about, 0, now, "", body)
        elif letter.id:
            self.dug_up.remove(letter.id)
        facts = {"sender": letter.stream, "epoch": letter.epoch, "seq": letter.seq}
        log.error("message.poison", problem=problem, **facts)
        self.aside.append(letter._replace(problem=problem))

    def positions(self) -> dict[tuple[str, str], int]:
        """How far each stream has been taken."""
        return {key: ack.seq for key, ack in self.acks.items() if ack.seq}


class Intake:
    """The incoming streams of a site."""

    def __init__(self, positions: Callable[[str], Mapping[str, int]]) -> None:
        self._receivers = {sender: Receiver(positions(sender)) for sender in READERS}
        self._taken = Taken()
        self._letters = 0  # how many are known to lie there
        self.malformed = 0

    @property
    def waiting(self) -> bool:
        """Whether something has come."""
        taken = self._taken
        return bool(taken.inbox or taken.acks or taken.aside or taken.dug_up)

    def take(self) -> Taken:
        """Everything that has come since the last time."""
        taken, self._taken = self._taken, Taken()
        return taken

    def put(self, message: Incoming) -> None:
        """Something of our own."""
        self._taken.inbox.append(message)

    def hear(self, sender: str, body: bytes, now: datetime) -> bool:
        """Take a batch of that sender; False if it was none."""
        try:
            batch = decode_batch(body)
        except Malformed as error:
            self.malformed += 1
            log.warning("stream.malformed", sender=sender, problem=str(error))
            return False
        received = self._receivers[sender].receive(batch)
        first = received.ack.seq - len(received.new) + 1
        for seq, raw in enumerate(received.new, start=first):
            shift_s = shift_of(raw, boot=batch.boot, shift_s=batch.shift_s)
            plain = put_right(raw, shift_s)
            self._read(DeadLetter(0, sender, batch.epoch, seq, now, "", plain))
        self._taken.acks[sender, batch.epoch] = received.ack
        return True

    def look(self, wanted: Sequence[DeadLetter], count: int, now: datetime) -> None:
        """Try letters again; and say when there come to be some, or no more."""
        for letter in wanted:
            self._read(letter)
        if count != self._letters:
            self._letters = count
            detail = f"{count} messages are not understood: soko edge dead list" if count else ""
            status = DeviceStatus(
                at=now, device=LETTERS, status="FAULT" if count else "UP", detail=detail
            )
            self._taken.inbox.append(status)

    def _read(self, letter: DeadLetter) -> None:
        try:
            message = READERS[letter.stream](letter.body)
        except ValidationError as error:
            facts = {"sender": letter.stream, "epoch": letter.epoch, "seq": letter.seq}
            log.error("message.refused", problem=str(error), **facts)  # noqa: TRY400 - not our bug
            self._taken.aside.append(letter._replace(problem=str(error)))
            return
        self._taken.letters[len(self._taken.inbox)] = letter
        self._taken.inbox.append(message)
        if letter.id:
            self._taken.dug_up.append(letter.id)


def answer(ack: Ack, now: datetime) -> Ack:
    """The acknowledgement with our time, for a sender that asked for it."""
    return replace(ack, at=now) if ack.boot else ack
