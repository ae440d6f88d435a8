"""The tables of transfers and replenishment are as the code has them."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from wms.database import Base
from wms.replenishment.model import PickFace, Proposal, StockPolicy
from wms.transfers.model import Arrival, ArrivalLine, Transfer

OURS = {
    table.__tablename__
    for table in (Transfer, Arrival, ArrivalLine, StockPolicy, PickFace, Proposal)
}


def test_tables_are_as_the_code_has_them(superuser: Engine):
    with superuser.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _parents: kind != "table" or name in OURS,
                "include_object": lambda _thing, name, kind, _found, _other: (
                    kind != "table" or name in OURS
                ),
                "compare_server_default": False,
            },
        )
        assert compare_metadata(context, Base.metadata) == []
