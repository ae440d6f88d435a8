"""Roles: what each may do, in scopes. What is not named here nobody may.

A person has rights: a role, for some sites or all, for the goods of some owners or all. For one
scope they reach what the rights that have this scope reach together, and nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from wms.catalog import owner_id
from wms.errors import Rejected
from wms.reach import ALL, Reach
from wms.sites import site_id

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "operator": frozenset({"work", "floor:read"}),
        "supervisor": frozenset(
            {"work", "floor:read", "floor:write", "machines", "people", "stock:read", "orders:read"}
        ),
        "clerk": frozenset(
            {"floor:read", "stock:read", "orders:read", "orders:write", "inbound", "billing"}
        ),
        "planner": frozenset({"floor:read", "stock:read", "orders:read", "planner", "rules"}),
        "integrator": frozenset(
            {"floor:read", "stock:read", "orders:read", "masters:write", "webhooks", "epcis"}
        ),
        "client": frozenset({"stock:read", "orders:read", "inbound", "billing"}),
        "privacy": frozenset({"privacy"}),
        "auditor": frozenset({"floor:read", "stock:read", "orders:read", "audit"}),
        "administrator": frozenset({"admin", "audit", "people", "rules", "floor:read"}),
    }
)


class UnknownRole(Rejected):
    """There is no such role.

    Attributes:
        role: which.
    """

    code: ClassVar[str] = "unknown_role"

    def __init__(self, role: str) -> None:
        super().__init__(f"there is no role {role}; there are {', '.join(ROLES)}")
        self.role = role


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A role for sites and owners, by their codes; '*' is all, nothing is none."""

    role: str
    sites: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


def check_rights(rights: Iterable[Right]) -> None:
    """Whether there are such roles.

    Raises:
        UnknownRole: one there is not.
    """
    for right in rights:
        if right.role not in ROLES:
            raise UnknownRole(right.role)


def scopes_of(rights: Iterable[Right]) -> frozenset[str]:
    """All that somebody with these rights may do somewhere."""
    return frozenset().union(*(ROLES.get(right.role, frozenset()) for right in rights))


def reach_of(rights: Iterable[Right], scope: str) -> Reach:
    """How far they reach when they do that."""
    able = [right for right in rights if scope in ROLES.get(right.role, ())]
    sites = {code for right in able for code in right.sites}
    owners = {code for right in able for code in right.owners}
    return reach_to(sites, owners)


def reach_to(sites: Iterable[str], owners: Iterable[str]) -> Reach:
    """To these sites and owners, by their codes."""
    sites, owners = set(sites), set(owners)
    return Reach(
        sites=None if ALL in sites else frozenset(map(site_id, sites)),
        owners=None if ALL in owners else frozenset(map(owner_id, owners)),
    )
