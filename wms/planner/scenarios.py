"""Scenarios: differences from a snapshot, by name; made, copied, changed, and as files.

    make_scenario / copy_scenario / change_scenario / pin_baseline
    faults_of(snapshot, patches)     what cannot apply, by the number of the difference
    rows_of / patches_of             a scenario as rows of a file: no, patch, field, value

Laws: only what applies is kept. Who changes what somebody else has changed meanwhile is told so.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from optimizer.scenario_patches import patch_from, patch_to
from optimizer.scenarios import Patch, PatchError, Snapshot
from wms.errors import Conflict, NotFound, Rejected
from wms.masters.columns import Cell
from wms.planner.model import PlanScenario, PlanSnapshot
from wms.planner.snapshot import read_snapshot

HEADER = ("no", "patch", "field", "value")
PATCHES_MAX = 200


class PatchRefused(Rejected):
    """Differences that cannot apply.

    Attributes:
        faults: number of the difference (from 0) and the words of what is wrong.
    """

    code = "patch_refused"

    def __init__(self, faults: Sequence[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"{number}: {words}" for number, words in faults))
        self.faults = [{"number": number, "words": words} for number, words in faults]


class ScenarioChanged(Conflict):
    """Somebody else has changed the scenario meanwhile: read it, decide again.

    Attributes:
        version: the one that there is.
    """

    code = "scenario_changed"

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} is there")
        self.version = version


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a scenario is to be."""

    name: str
    patches: Sequence[Mapping[str, Any]] = ()
    tags: Sequence[str] = ()


def make_scenario(
    session: Session, id_: UUID, snapshot_id: str, edit: Edit, *, by: str, now: datetime
) -> PlanScenario:
    """A scenario on a snapshot; the first of a snapshot is its baseline. Repeating is nothing.

    Raises:
        NotFound: no such snapshot. PatchRefused: a difference cannot apply.
    """
    if (known := session.get(PlanScenario, id_)) is not None:
        return known
    patches = _checked(read_snapshot(session, snapshot_id), edit.patches)
    session.get_one(PlanSnapshot, snapshot_id, with_for_update=True)  # one baseline
    mine = PlanScenario.snapshot_id == snapshot_id
    first = session.scalar(select(PlanScenario.id).where(mine).limit(1)) is None
    row = PlanScenario(
        id=id_, snapshot_id=snapshot_id, name=edit.name, patches=patches, tags=list(edit.tags),
        baseline=first, owner=by, version=1, made_at=now, changed_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def copy_scenario(
    session: Session, of: UUID, id_: UUID, name: str, *, by: str, now: datetime
) -> PlanScenario:
    """The same under another name, to be changed."""
    known = scenario(session, of)
    edit = Edit(name=name, patches=known.patches, tags=known.tags)
    made = make_scenario(session, id_, known.snapshot_id, edit, by=by, now=now)
    made.copied_from = of
    return made


def change_scenario(
    session: Session, id_: UUID, edit: Edit, *, version: int, now: datetime
) -> PlanScenario:
    """Make it other than it was; runs of it stay as they were asked for.

    Raises:
        NotFound, PatchRefused; ScenarioChanged: it is not at that version any more.
    """
    row = session.get(PlanScenario, id_, with_for_update=True)
    if row is None:
        raise NotFound(f"scenario {id_}")
    if row.version != version:
        raise ScenarioChanged(row.version)
    row.patches = _checked(read_snapshot(session, row.snapshot_id), edit.patches)
    row.name, row.tags, row.changed_at = edit.name, list(edit.tags), now
    row.version += 1
    session.flush()
    return row


def pin_baseline(session: Session, id_: UUID) -> PlanScenario:
    """What the others of its snapshot are held against."""
    row = scenario(session, id_)
    session.get_one(PlanSnapshot, row.snapshot_id, with_for_update=True)
    others = PlanScenario.snapshot_id == row.snapshot_id
    session.execute(update(PlanScenario).where(others).values(baseline=False))
    session.refresh(row)
    row.baseline = True
    session.flush()
    return row


def scenario(session: Session, id_: UUID) -> PlanScenario:
    """A scenario. Raises NotFound."""
    row = session.get(PlanScenario, id_)
    if row is None:
        raise NotFound(f"scenario {id_}")
    return row


def read_patches(patches: Sequence[Mapping[str, Any]]) -> tuple[Patch, ...]:
    """As the optimizer takes them. Raises PatchError."""
    return tuple(patch_from(each) for each in patches)


def faults_of(
    snapshot: Snapshot, patches: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """The differences in full, and what cannot apply; each is tried on what the others left."""
    full: list[dict[str, Any]] = []
    faults: list[tuple[int, str]] = []
    for number, each in enumerate(patches):
        try:
            patch = patch_from(each)
            snapshot = patch.on(snapshot)
            full.append(patch_to(patch))
        except PatchError as error:
            faults.append((number, str(error)))
        except (ValueError, TypeError, OverflowError) as error:  # what came of it is no network
            faults.append((number, f"{each.get('patch')}: {error}"))
    return full, faults


def _checked(snapshot: Snapshot, patches: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    full, faults = faults_of(snapshot, patches)
    if len(patches) > PATCHES_MAX:
        faults.append((PATCHES_MAX, f"at most {PATCHES_MAX} differences"))
    if faults:
        raise PatchRefused(faults)
    return full


# ------------------------------------------------------------------------------------- files
def rows_of(patches: Sequence[Mapping[str, Any]]) -> list[Sequence[Cell]]:
    """A scenario as rows of a file; what is not said has no row. A node's values as "node.code"."""
    rows: list[Sequence[Cell]] = [HEADER]
    for number, patch in enumerate(patches, start=1):
        rows += [
            (number, str(patch["patch"]), name, json.dumps(value, ensure_ascii=False))
            for name, value in _flat(patch).items()
            if name != "patch" and value is not None
        ]
    return rows


def patches_of(rows: Sequence[Sequence[Cell]]) -> list[dict[str, Any]]:
    """Differences from rows of a file (without its header), in the order of their numbers."""
    found: dict[int, dict[str, Any]] = {}
    for at, row in enumerate(rows):
        number, patch, name, value = (*row, *[None] * len(HEADER))[: len(HEADER)]
        try:
            one = found.setdefault(int(str(_value(number))), {"patch": str(patch)})
        except ValueError as error:
            raise PatchRefused([(at, f"no is {number!r}, not a whole number")]) from error
        *inside, last = str(name or "").split(".")
        for each in inside:
            one = one.setdefault(each, {})
        if last:
            one[last] = _value(value)
    return [found[number] for number in sorted(found)]


def _flat(of: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in of.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{name}.")
        else:
            found[before + name] = value
    return found


def _value(cell: Cell) -> Any:
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell)
    except ValueError:
        return cell
