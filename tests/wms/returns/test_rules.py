"""The rules of returns, as plain functions: the first that fits decides, and amounts add up."""

from hypothesis import given
from hypothesis import strategies as st

from wms.returns.rules import (
    DEFAULT_RULES,
    GRADES,
    UNSAID,
    Came,
    DispositionRule,
    Facts,
    Policy,
    dispose,
    owed,
)

RULES = (
    DispositionRule(name="theirs", disposition="REFURBISH", owner="ACME", skus="BAG-"),
    DispositionRule(name="unsafe", disposition="QUARANTINE", reasons=("DEFECTIVE",)),
    DispositionRule(name="store", disposition="TO_DC", site_kinds=("STORE",), grades=("A", "B")),
)


def test_the_first_rule_that_fits_decides_and_the_others_say_why_not():
    facts = Facts(owner="ACME", sku="HAT-1", grade="A", site_kind="STORE")

    disposition, verdicts = dispose(RULES, facts)

    assert disposition == "TO_DC"
    assert [(v.rule, v.why_not) for v in verdicts] == [
        ("theirs", "sku"), ("unsafe", "reason"), ("store", ""),
    ]  # fmt: skip


def test_what_no_rule_speaks_of_is_not_sold():
    assert dispose(RULES, Facts(owner="HOUSE", sku="X", grade="C"))[0] == UNSAID == "QUARANTINE"
    cold = Facts(owner="HOUSE", sku="FISH", grade="A", cool=True)
    assert dispose(DEFAULT_RULES, cold)[0] == "SCRAP"


CAME = st.builds(
    Came,
    line_no=st.integers(1, 3),
    units=st.integers(0, 5),
    price_minor=st.integers(0, 10_000),
    grade=st.sampled_from(GRADES),
    reason=st.sampled_from(("SIZE", "DEFECTIVE")),
)


@given(
    came=st.lists(CAME, max_size=5),
    percent=st.integers(0, 100),
    services=st.integers(0, 1_000),
    all_back=st.booleans(),
)
def test_no_more_is_owed_than_was_paid_and_no_yen_is_made(
    came: list[Came], percent: int, services: int, *, all_back: bool
):
    policy = Policy(services="WHOLE_ORDER", deductions={"B": percent})

    due = owed(came, services_minor=services, all_back=all_back, policy=policy)

    paid = sum(each.units * each.price_minor for each in came)
    assert 0 <= due.minor <= paid + services
    assert due.minor >= sum(each.units * each.price_minor for each in came if each.grade != "B")
    if not all_back:
        assert due.services_minor == 0
