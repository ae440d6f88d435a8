"""I14: a message to a site that is missing, twice there, or beyond what was numbered is named."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from wms.database import Database
from wms.outbound import laws, stream
from wms.outbound.model import StreamOut
from wms.stock.verify import verify

FAULTS = {
    "DELETE FROM stream_out WHERE seq = 4": "message 4 is missing",
    "DELETE FROM stream_out WHERE seq = 6": "message 6 is missing",
    "UPDATE stream_out SET seq = 5 WHERE seq = 4": "message 4 is missing",
    "UPDATE stream_sender SET acked = 0": "message 1 is missing",
    "UPDATE stream_out SET seq = seq + 1": "message 3 is missing",
}


@pytest.fixture
def streamed(database: Database) -> Database:
    """Six messages, two of them acknowledged, and one that has no number yet."""

    def write(session: Session, count: int) -> None:
        session.add_all(StreamOut(site="TYO1", body="{}") for _ in range(count))

    database.run(lambda session: write(session, 6))
    database.run(lambda session: stream.number(session, "TYO1", "epoch"))
    database.run(lambda session: stream.acknowledged(session, "TYO1", 2))
    database.run(lambda session: write(session, 1))
    return database


def test_a_stream_is_clean(streamed: Database):
    report = streamed.run(lambda session: verify(session, laws.LAWS))

    assert report.clean, report.laws


@pytest.mark.parametrize("fault", FAULTS)
def test_a_gap_is_found(streamed: Database, fault: str):
    streamed.run(lambda session: session.execute(text(fault)))

    (law,) = streamed.run(lambda session: verify(session, laws.LAWS)).laws

    assert law.differences == 1
    assert FAULTS[fault] in (law.first or "")
