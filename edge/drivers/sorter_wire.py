"""The registers of a sorter over Modbus TCP, for both sides: names, sizes, and what a record holds.

    PLC   state (PackML) · heartbeat · stream (2) · answer · result · shown ·
          window: five records of twenty words, the oldest that the WCS has not heard
              sequence (2) · kind · status · tracking (2) · lap · lane · age_ms (2) · barcode (10)
    WCS   heard (2) · acknowledged (2) · heartbeat              in one request, from "window" on
          task · one to four times tracking (2) · lane          in one request, from "divert" on

Kind 1 is scanned, 2 sorted; a status is its place in SCAN_STATUSES or SORT_STATUSES; lanes are
numbered as in [[sorters]] from 1 on, the hospital is the last, 0 is none; a barcode is ASCII, two
characters a word, and ends at a zero. Two-register numbers: high word first. A task is carried out
row by row; `result` has four bits a row, the first row's lowest.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from edge.messages import ScanStatus, SortStatus

DEFAULT_REGISTERS: Mapping[str, int] = {"state": 0, "window": 200, "divert": 205}
SCAN_STATUSES: tuple[ScanStatus, ...] = get_args(ScanStatus)
SORT_STATUSES: tuple[SortStatus, ...] = get_args(SortStatus)
RECORDS, RECORD_SIZE, HEAD_SIZE = 5, 20, 7
BLOCK_SIZE = HEAD_SIZE + RECORDS * RECORD_SIZE
WINDOW_SIZE, ROWS, ROW_SIZE, RESULT_BITS = 5, 4, 3, 4
DIVERT_SIZE = 1 + ROWS * ROW_SIZE
SCANNED, SORTED = 1, 2
WORD = 0xFFFF
_BARCODE_WORDS = 10


class Record(NamedTuple):
    """One confirmation as it stands in the window."""

    sequence: int
    kind: int
    status: int
    tracking: int
    lap: int
    lane: int
    age_ms: int
    barcode: str


class Block(NamedTuple):
    """All that a PLC shows."""

    state: int
    heartbeat: int
    stream: int
    answer: int
    result: int
    records: tuple[Record, ...]


def high_low(number: int) -> list[int]:
    """A number of 32 bits as two registers."""
    return [number >> 16 & WORD, number & WORD]


def encode_task(task: int, rows: Sequence[tuple[int, int]]) -> list[int]:
    """The registers from "divert" on: one to `ROWS` rows of tracking number and lane's number."""
    assert 0 < len(rows) <= ROWS
    return [task, *(word for tracking, lane in rows for word in (*high_low(tracking), lane))]


def decode_task(words: Sequence[int]) -> tuple[int, list[tuple[int, int]]] | None:
    """What `encode_task` made; None if half a row is among it."""
    if len(words) <= 1 or len(words) > DIVERT_SIZE or (len(words) - 1) % ROW_SIZE:
        return None
    rows = [words[n : n + ROW_SIZE] for n in range(1, len(words), ROW_SIZE)]
    return words[0], [(high << 16 | low, lane) for high, low, lane in rows]


def result_of(results: Sequence[int]) -> int:
    """The results of a task's rows as one register."""
    return sum(result << RESULT_BITS * row for row, result in enumerate(results))


def results_of(result: int, rows: int) -> list[int]:
    """What `result_of` made."""
    mask = (1 << RESULT_BITS) - 1
    return [result >> RESULT_BITS * row & mask for row in range(rows)]


def encode_block(block: Block) -> list[int]:
    """The registers from "state" on."""
    head = [block.state, block.heartbeat, *high_low(block.stream), block.answer, block.result]
    words = [*head, len(block.records)]
    for one in block.records:
        words += [*high_low(one.sequence), one.kind, one.status, *high_low(one.tracking)]
        words += [one.lap, one.lane, *high_low(min(one.age_ms, 0xFFFFFFFF))]
        words += _words_of(one.barcode)
    return [*words, *[0] * (BLOCK_SIZE - len(words))]


def decode_block(words: Sequence[int]) -> Block:
    """What `encode_block` made; whatever the words are, it raises nothing.

    `words` are at least `BLOCK_SIZE`, or only the head: then there are no records.
    """
    state, heartbeat, high, low, answer, result, shown = words[:HEAD_SIZE]
    return Block(state, heartbeat, high << 16 | low, answer, result, (*_records(words, shown),))


def _records(words: Sequence[int], shown: int) -> Iterator[Record]:
    for n in range(min(shown, (len(words) - HEAD_SIZE) // RECORD_SIZE)):
        start = HEAD_SIZE + n * RECORD_SIZE
        one = words[start : start + RECORD_SIZE]
        yield Record(
            sequence=one[0] << 16 | one[1],
            kind=one[2],
            status=one[3],
            tracking=one[4] << 16 | one[5],
            lap=one[6],
            lane=one[7],
            age_ms=one[8] << 16 | one[9],
            barcode=_text_of(one[10:]),
        )


def _text_of(words: Sequence[int]) -> str:
    raw = b"".join(word.to_bytes(2, "big") for word in words)
    return raw.partition(b"\0")[0].decode("ascii", errors="replace")


def _words_of(text: str) -> list[int]:
    """A text as registers; what does not fit is cut off."""
    size = 2 * _BARCODE_WORDS
    raw = text.encode("ascii", errors="replace")[:size].ljust(size, b"\0")
    return [int.from_bytes(raw[n : n + 2], "big") for n in range(0, size, 2)]
