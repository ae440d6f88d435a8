"""The day in figures: what `soko demo` watches while it runs and prints at its end."""

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from simulators.scenario import Scenario
from simulators.trucks import SUPPLIERS

DELIVERIES = len(SUPPLIERS)
ENDS = ("shipped", "backordered", "cancelled", "returned", "service")
KEYS = (
    "orders", "lines", *(f"lines_{end}" for end in ENDS), "units_shipped", "parcels",
    "parcels_to_stores", "parcels_per_order", "split_rate", "robot_missions", "robot_metres",
    "picks_by_robot", "picks_by_person", "sorter_reads", "sorter_no_reads", "recirculations",
    "gate_passages", "order_to_ship_p50_s", "order_to_ship_p99_s",
    "deliveries", "receipts", "putaways", "counts", "labels", "parcels_weighed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """The console's counters at one moment."""

    counters: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        """A counter; one that is not there yet is 0."""
        return self.counters.get(key) or 0

    @property
    def documents(self) -> int:
        """Orders and returns taken so far."""
        return int(self["orders"]) + int(self["returns"])

    @property
    def lines_ended(self) -> int:
        """Lines in a final state."""
        return sum(int(self[f"lines_{end}"]) for end in ENDS)

    def all_ended(self, scenario: Scenario) -> bool:
        """Whether every line of the day has come in and ended."""
        return self.documents >= scenario.documents and self.lines_ended == scenario.lines == int(
            self["lines"]
        )

    def all_delivered(self) -> bool:
        """Whether every parcel has been delivered."""
        return int(self["parcels_delivered"]) == int(self["parcels"])

    def all_put_away(self) -> bool:
        """Whether every truck has been unloaded and its goods are at their places."""
        waiting = self["deliveries_open"], self["putaways_open"]
        return int(self["deliveries"]) >= DELIVERIES and waiting == (0, 0)

    def is_over(self, scenario: Scenario) -> bool:
        """Whether the day is: every line ended, everything delivered and put away."""
        return self.all_ended(scenario) and self.all_delivered() and self.all_put_away()

    def only_vans(self, scenario: Scenario) -> bool:
        """Whether all orders are in and all that still moves is on a van."""
        on_the_road = self["parcels_line_haul"] + self["parcels_shipped"]
        return (
            self.documents >= scenario.documents
            and not self["tasks_open"]
            and not self["transports_open"]
            and int(on_the_road) == int(self["parcels"])
        )

    def activity(self, scenario: Scenario) -> tuple[int, ...]:
        """What changes when something is done inside the walls."""
        keys = ("tasks_open", "transports_open", "sorter_reads", "gate_passages_raw", "putaways")
        return (self.documents, scenario.documents, *(int(self[key]) for key in keys))

    def ended_well(self, scenario: Scenario) -> bool:
        """Whether every line ended, and what goes to customers was seen by sorter and gate."""
        parcels = int(self["parcels"]) - int(self["parcels_to_stores"])  # vans take those
        seen = int(self["parcels_sorted_seen"]), int(self["gate_passages"])
        return self.is_over(scenario) and seen == (parcels, parcels)

    def facts(self) -> dict[str, Any]:
        """What is published of the day."""
        return {key: self[key] for key in KEYS} | {"orders": self.documents}

    def in_a_line(self) -> str:
        """The progress in one line."""
        return (
            f"{self.documents} orders, {self.lines_ended}/{self['lines']} lines ended, "
            f"{self['robot_missions']} robot missions, "
            f"parcels {self['parcels_shipped']}/{self['parcels']} shipped, "
            f"{self['parcels_delivered']} delivered; {self['receipts']} receipts, "
            f"{self['putaways']} putaways, {self['counts']} counts, {self['labels']} labels"
        )


def show(console: Console, facts: dict[str, Any]) -> None:
    """Print the day as a table."""
    table = Table(title="The day", show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    for key, value in facts.items():
        text = f"{value:,.2f}" if isinstance(value, float) else str(value)
        table.add_row(key.replace("_", " "), text)
    console.print(table)
