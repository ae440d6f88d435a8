"""Explain: why an order is sent from there, and what would have to be different. Pure.

    Explainer(sourced).record(number)   the decision on one order, as it is kept
    what_if(record, "TYO1")             what would make that site win, from the record alone

A record has every site (the CANDIDATES_MAX that come nearest to sending the whole order) with the
terms of its cost, or the reason why it could not: what it lacks, that it is closed, excluded ...
The runner-up is the best plan that does without one of the chosen sites, on the stock that the
other orders of the batch leave. `why` is codes with parameters, to be said in any language:

    only_way        nothing else could be done
    cheapest        it costs less than the runner-up: by how much, and most of it in which term
    for_others      a cheaper site was left to others of the batch, for whom it is worth more
    parted          it comes from several sites: as none has all (stock), or as that is cheaper
    late            it arrives after the promise, by so many days, and nothing better was found
    by_rule         a rule decided, not the cost
    kept            nothing could be found; it stays where it was held
    passed_over     sites that may not send it, with the reason
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from optimizer import sourcing
from wms.orders.costs import Ints
from wms.orders.source_problem import Batch, Sourced, terms_of

CANDIDATES_MAX = 40
CENT = 0.5  # differences smaller than that are none
CREDITS = frozenset({"markdown"})  # a term that may be below zero
NAMED = frozenset({"closed", "excluded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A decision on an order, as it is kept: plain data."""

    terms: dict[str, float]
    candidates: list[dict[str, Any]]
    chosen: list[dict[str, Any]]
    runner_up: dict[str, Any] | None
    why: list[dict[str, Any]]


class Explainer:
    """Explains the plans of a batch, with what is left when all have been carried out.

    `plan` is what is really done, shape (l, n), where it is not the solution's.
    """

    def __init__(self, sourced: Sourced, plan: Ints | None = None) -> None:
        self._batch = sourced.batch
        self._found: Ints = sourced.solution.plan
        self._plan = self._found if plan is None else plan
        problem = self._batch.problem
        used = np.zeros_like(problem.stock)
        np.add.at(used.T, problem.sku_of_line, self._plan)
        self._left = problem.stock - used
        self._room = np.full(problem.stock.shape[0], sourcing.UNITS_MAX, dtype=np.int64)
        if problem.capacity is not None:
            self._room = problem.capacity - self._plan.sum(axis=0)

    def record(self, number: int) -> Record:
        """The decision on the order with that number in the batch."""
        batch = self._batch
        mine = batch.lines[number]
        plan = self._plan[mine]
        terms = terms_of(batch, number, plan)
        runner_up = self._runner_up(number, plan)
        candidates = _candidates(batch, number)
        return Record(
            terms=terms,
            candidates=candidates[:CANDIDATES_MAX],
            chosen=_lines(batch, number, plan),
            runner_up=runner_up,
            why=self._why(number, plan, sum(terms.values()), runner_up, candidates),
        )

    def _runner_up(self, number: int, plan: Ints) -> dict[str, Any] | None:
        """The best plan without one of the sites that were chosen."""
        batch, mine = self._batch, self._batch.lines[number]
        left, room = self._left.copy(), self._room + plan.sum(axis=0)
        np.add.at(left.T, batch.problem.sku_of_line[mine], plan)
        left, room = np.maximum(left, 0), np.maximum(room, 0)
        best: dict[str, Any] | None = None
        for node in np.flatnonzero(plan.any(axis=0)):
            other, _ = sourcing.best_for(
                batch.problem, number, mine, left, room, without=(int(node),)
            )
            if not (other.sum(axis=1) > 0)[plan.sum(axis=1) > 0].all():
                continue  # it would send less
            found = _plan_out(batch, number, other)
            if best is None or found["cost"] < best["cost"]:
                best = found
        return best

    def _why(
        self,
        number: int,
        plan: Ints,
        cost: float,
        runner_up: Mapping[str, Any] | None,
        candidates: Sequence[Mapping[str, Any]],
    ) -> list[dict[str, Any]]:
        batch = self._batch
        found = self._found[batch.lines[number]]
        why: list[dict[str, Any]] = []
        if batch.policy.method != "COST":
            why.append({"code": "by_rule", "method": batch.policy.method})
        elif runner_up is None:
            why.append({"code": "only_way"})
        else:
            why += _cheaper(terms_of(batch, number, plan), runner_up)
        why += self._left_to_others(number, plan, cost)
        sites = [batch.nodes[node].code for node in np.flatnonzero(plan.any(axis=0))]
        if len(sites) > 1:
            alone = any(each["feasible"] for each in candidates)
            because = "cost" if alone else "stock"
            why.append({"code": "parted", "sites": sites, "because": because})
        if days := int((batch.terms.late_days[number] * plan.any(axis=0)).max(initial=0)):
            why.append({"code": "late", "days": days})
        kept = [
            batch.facts.demands[line].line_no
            for line, row in zip(batch.lines[number], found, strict=True)
            if not row.any()
        ]
        if kept:
            why.append({"code": "kept", "lines": kept})
        passed = {c["site"]: c["why"] for c in candidates if c["why"] in NAMED}
        if passed:
            why.append({"code": "passed_over", "sites": passed})
        return why

    def _left_to_others(self, number: int, plan: Ints, cost: float) -> list[dict[str, Any]]:
        """Whether the order by itself would have been sent from elsewhere, and for how much."""
        batch, problem = self._batch, self._batch.problem
        room = problem.capacity if problem.capacity is not None else self._room
        alone, _ = sourcing.best_for(problem, number, batch.lines[number], problem.stock, room)
        other = _plan_out(batch, number, alone)
        if other["cost"] >= cost - CENT or (alone == plan).all():
            return []
        if batch.policy.method != "COST":
            return []
        more = round(cost - other["cost"], 2)
        return [{"code": "for_others", "sites": other["sites"], "costs_more": more}]


def what_if(
    candidates: Sequence[Mapping[str, Any]],
    chosen: Sequence[Mapping[str, Any]],
    terms: Mapping[str, float],
    site: str,
) -> dict[str, Any] | None:
    """What would make that site send the whole order; None if it was not weighed.

    Each term of the site's cost is answered by itself: by how much it alone would have to change.
    `enough` is whether it could. Where the site could not send it at all, `reasons` say what is in
    the way, and the terms what it would cost besides.
    """
    here = next((c for c in candidates if c["site"] == site), None)
    if here is None:
        return None
    taken = {code for line in chosen for code in line["sites"]}
    gap = round(float(here["cost"]) - sum(terms.values()), 2)
    reasons = _reasons(here)
    if not reasons and gap <= CENT and taken != {site}:
        reasons.append({"code": "left_to_others"})
    return {
        "site": site,
        "wins": taken == {site},
        "feasible": bool(here["feasible"]),
        "gap": gap,
        "terms": [
            {
                "name": name,
                "now": now,
                "needed": round(now - max(gap, 0.0), 2),
                "enough": name in CREDITS or now - gap >= 0,
            }
            for name, now in sorted(here["terms"].items(), key=lambda item: -item[1])
        ],
        "reasons": reasons,
    }


def _reasons(candidate: Mapping[str, Any]) -> list[dict[str, Any]]:
    reasons: list[dict[str, Any]] = []
    if candidate["why"] and candidate["why"] != "stock":
        reasons.append({"code": candidate["why"]})
    reasons += [{"code": "stock", **lacking} for lacking in candidate.get("lacking", ())]
    if candidate.get("late_days"):
        code = "past_cut_off" if candidate.get("past_cut_off") else "late"
        reasons.append({"code": code, "days": candidate["late_days"]})
    return reasons


def _cheaper(terms: Mapping[str, float], runner_up: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By how much it is cheaper than the runner-up, and in which term most of that lies."""
    other: Mapping[str, float] = runner_up["terms"]
    by = round(float(runner_up["cost"]) - sum(terms.values()), 2)
    saves = {name: other.get(name, 0.0) - terms.get(name, 0.0) for name in {*terms, *other}}
    name = max(sorted(saves), key=lambda each: saves[each], default="")
    why = {"code": "cheapest", "than": runner_up["sites"], "by": by}
    return [why | {"term": name, "saves": round(saves[name], 2)}] if name else [why]


def _candidates(batch: Batch, number: int) -> list[dict[str, Any]]:
    """Every site as if it sent the whole order: those that can first, the cheapest first."""
    problem, mine = batch.problem, batch.lines[number]
    units = problem.units[mine][:, None]
    parts = {name: cost[number].copy() for name, cost in problem.parcel_terms.items()}
    for name, each in problem.unit_terms.items():
        parts[name] = parts.get(name, 0.0) + (each[mine] * units).sum(axis=0)
    total = np.sum(list(parts.values()), axis=0)
    skus = problem.sku_of_line[mine]
    wanted = np.bincount(skus, weights=problem.units[mine], minlength=problem.stock.shape[1])
    lacks = np.maximum(0, wanted[skus][:, None] - problem.stock[:, skus].T)
    lacks[~np.isfinite(problem.unit_cost[mine])] = 1  # kept for other channels
    rounded = {name: np.round(cost, 2).tolist() for name, cost in parts.items()}
    found = []
    for node, site in enumerate(batch.nodes):
        why = batch.barred[number, node] or ("stock" if lacks[:, node].any() else "")
        leaves = batch.departs[node]
        late = int(batch.terms.late_days[number, node])
        candidate: dict[str, Any] = {
            "site": site.code,
            "feasible": not why,
            "why": why,
            "cost": round(float(total[node]), 2),
            "terms": {name: cost[node] for name, cost in rounded.items() if cost[node]},
        }
        if leaves is not None:
            at = datetime.fromtimestamp(int(batch.terms.arrives_s[number, node]), UTC)
            candidate |= {"ships_on": leaves.ships_on.isoformat(), "arrives_by": at.isoformat()}
            candidate |= {"past_cut_off": True} if leaves.past_cut_off else {}
        if late and leaves is not None:
            candidate["late_days"] = late
        if lacks[:, node].any():
            candidate["lacking"] = [
                {"line_no": batch.facts.demands[line].line_no, "units": int(lacks[at, node])}
                for at, line in enumerate(mine)
                if lacks[at, node]
            ]
        found.append(candidate)
    return sorted(found, key=lambda c: (not c["feasible"], c["why"] not in NAMED, c["cost"]))


def _lines(batch: Batch, number: int, plan: Ints) -> list[dict[str, Any]]:
    return [
        {
            "line_no": batch.facts.demands[line].line_no,
            "sites": {batch.nodes[node].code: int(row[node]) for node in np.flatnonzero(row)},
        }
        for line, row in zip(batch.lines[number], plan, strict=True)
    ]


def _plan_out(batch: Batch, number: int, plan: Ints) -> dict[str, Any]:
    terms = terms_of(batch, number, plan)
    sites = [batch.nodes[node].code for node in np.flatnonzero(plan.any(axis=0))]
    return {"sites": sites, "cost": round(sum(terms.values()), 2), "terms": terms}
