"""The lane table: what the edge is told ahead, so that it can answer scans by itself.

    ParcelExpected -> a row with the next number -> LaneTable to the edge of each sorter
                                                    LanesKnown <- it has the table up to there

Laws:
    all of it    what an edge is not known to have is sent again, after `AGAIN_S` or when it says
                 that a piece is missing; an edge that has lost its copy gets all of it
    in pieces    a message carries at most `PIECE` rows, and a step at most `PIECES` messages
    kept alive   without news a piece without rows goes out now and then, so that the table of a
                 quiet day does not grow too old

Seconds; the state's clock.
"""

from datetime import datetime, timedelta
from itertools import takewhile

from edge.messages import LanesKnown, LaneTable
from wcs.plant import Plant
from wcs.sitefile import Sorter
from wcs.state import Outbox, Sorting, State, Told

PIECE = 500
PIECES = 4
AGAIN_S = 30.0  # a gap is asked for at once: this is for a last piece that was lost
ALIVE_S = 3600.0
VALID_S = 72 * 3600.0


def start(state: Sorting, now: datetime) -> None:
    """The WCS has started: what was sent and not confirmed may be lost."""
    state.table = state.table or now.isoformat()
    for told in state.told.values():
        told.sent = told.known


def known(state: Sorting, event: LanesKnown) -> None:
    """An edge says how far it has the table."""
    told = state.told.setdefault(event.device, Told())
    if event.table != state.table or event.version > state.rows:
        told.known = told.sent = 0  # it has none, or that of another life
        return
    told.known = event.version
    if event.missing or told.sent < told.known:
        told.sent = told.known


def tell(state: State, plant: Plant, outbox: Outbox) -> None:
    """Send each sorter's edge what it is not known to have."""
    sorting = state.sorting
    for sorter in plant.sorters.values():
        told = sorting.told.get(sorter.device)
        if told is None:
            continue  # its edge has not asked for a table
        since_s = _passed_s(told.sent_at, state.now)
        if told.sent > told.known and since_s >= AGAIN_S:
            told.sent = told.known
        if told.sent < sorting.rows or since_s >= ALIVE_S:
            _send(sorting, sorter, told, state.now, outbox)


def _send(state: Sorting, sorter: Sorter, told: Told, now: datetime, outbox: Outbox) -> None:
    newest_first = takewhile(
        lambda item: item[1].number > told.sent, reversed(state.expected.items())
    )
    rows = [*newest_first][::-1]
    pieces = [rows[n : n + PIECE] for n in range(0, len(rows), PIECE)][:PIECES] or [[]]
    is_all = len(rows) <= PIECE * PIECES
    names = {*sorter.lanes, sorter.hospital}
    for n, piece in enumerate(pieces, 1):
        version = state.rows if is_all and n == len(pieces) else piece[-1][1].number
        outbox.to_edge.append(
            LaneTable(
                device=sorter.device,
                table=state.table,
                since=told.sent,
                version=version,
                rows={code: row.lane for code, row in piece if row.lane in names},
                valid_until=now + timedelta(seconds=VALID_S),
            )
        )
        told.sent = version
    told.sent_at = now


def _passed_s(since: datetime | None, now: datetime) -> float:
    return (now - since).total_seconds() if since is not None else float("inf")
