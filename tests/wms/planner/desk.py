"""Planners at the public doors."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select

from tests.builders import an_id
from tests.wms.house import House
from wms.orders.model import ENDED, Allocation
from wms.planner.work import How
from wms.sites import Site

PLANNER, BOSS = "mori", "tanaka"


class Desk:
    """A planner, and the one who approves."""

    def __init__(self, house: House) -> None:
        self.house = house

    def ask(self, method: str, path: str, body: Any = None, *, by: str = PLANNER) -> Any:
        """The answer, which must be a good one."""
        return self.house.ok(self.answer(method, path, body, by=by))

    def answer(self, method: str, path: str, body: Any = None, *, by: str = PLANNER) -> Any:
        """The answer as it is."""
        headers = {"X-Soko-Operator": by}
        return self.house.http.request(method, f"/planner/v1/{path}", json=body, headers=headers)

    def snapshot(self) -> str:
        """The network as it is."""
        made: dict[str, Any] = self.ask("POST", "snapshots", {"name": "today"})
        return str(made["id"])

    def scenario(self, snapshot: str, name: str, *patches: dict[str, Any]) -> dict[str, Any]:
        """A scenario on it."""
        body = {"snapshot": snapshot, "name": name, "patches": list(patches)}
        made: dict[str, Any] = self.ask("PUT", f"scenarios/{an_id()}", body)
        return made

    def run(self, scenario: dict[str, Any], *seeds: int, how: How | None = None) -> dict[str, Any]:
        """A run of it, done by the worker."""
        body = {"scenario": scenario["id"], "seeds": list(seeds) or [1], "iterations": 50}
        id_ = an_id()
        self.ask("PUT", f"runs/{id_}", body)
        if how is not None:
            self.house.jobs = replace(self.house.jobs, plans=how)
        assert self.house.job("plan") == 1
        return self.get_run(id_)

    def get_run(self, id_: UUID | str) -> dict[str, Any]:
        """A run as it stands."""
        found: dict[str, Any] = self.ask("GET", f"runs/{id_}")
        return found

    def sites_of(self, order_id: UUID) -> set[str]:
        """The sites that send an order."""
        query = select(Site.code).join(Allocation, Allocation.site_id == Site.id)
        mine = query.where(Allocation.order_id == order_id, Allocation.state.not_in(ENDED))
        return self.house.database.run(lambda s: set(s.scalars(mine)))
