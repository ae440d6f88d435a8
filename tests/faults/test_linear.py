"""The checker of histories is itself held against known histories and against brute force."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations, permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.linear import UNKNOWN, Act, Action, Advance, OneSku, Read, Reserve, Stock, check

GRANTED, REFUSED, DONE = ("granted", 0), ("refused", 0), ("done",)
A, B = Reserve("a", 1), Reserve("b", 1)
RELEASE_A = Advance("x", "a", "RELEASED")
CONFIRM_A = Advance("y", "a", "ALLOCATED")

# one unit in stock; |called, returned|
GOOD: dict[str, list[Act]] = {
    "nothing happened": [],
    "one after the other": [Act(0, 1, A, GRANTED), Act(2, 3, B, REFUSED)],
    "at once, either first": [Act(0, 3, B, REFUSED), Act(1, 4, A, GRANTED)],
    "a read beside it sees it": [Act(0, 3, A, GRANTED), Act(1, 2, Read(), (0, 1, 0))],
    "a read beside it does not see it": [Act(0, 3, A, GRANTED), Act(1, 2, Read(), (1, 0, 0))],
    "again with its key": [Act(0, 1, A, GRANTED), Act(2, 3, A, GRANTED), Act(4, 5, B, REFUSED)],
    "given back and taken": [
        Act(0, 1, A, GRANTED), Act(2, 3, RELEASE_A, DONE), Act(4, 5, B, GRANTED),
        Act(6, 7, A, GRANTED),
    ],
    "confirmed": [
        Act(0, 1, A, GRANTED), Act(2, 3, CONFIRM_A, DONE), Act(4, 5, CONFIRM_A, DONE),
        Act(6, 7, Read(), (0, 0, 1)), Act(8, 9, Advance("z", "a", "ALLOCATED"),
                                          ("wrong_state", "ALLOCATED")),
    ],
    "no answer, and done": [Act(0, 1, A, UNKNOWN), Act(2, 3, B, REFUSED)],
    "no answer, and not done": [Act(0, 1, A, UNKNOWN), Act(2, 3, B, GRANTED)],
    "no answer, and done much later": [
        Act(0, 1, A, UNKNOWN), Act(2, 3, Read(), (1, 0, 0)), Act(4, 5, B, REFUSED),
    ],
}  # fmt: skip
BAD: dict[str, list[Act]] = {
    "sold twice": [Act(0, 3, A, GRANTED), Act(1, 4, B, GRANTED)],
    "refused though it was there": [Act(0, 1, A, REFUSED)],
    "forgotten": [Act(0, 1, A, GRANTED), Act(2, 3, Read(), (1, 0, 0))],
    "seen, then not": [
        Act(0, 9, A, GRANTED), Act(1, 2, Read(), (0, 1, 0)), Act(3, 4, Read(), (1, 0, 0)),
    ],
    "seen before it was called": [Act(0, 1, Read(), (0, 1, 0)), Act(2, 3, A, GRANTED)],
    "held twice by one key": [Act(0, 1, A, GRANTED), Act(2, 3, A, REFUSED)],
    "given back twice": [
        Act(0, 1, A, GRANTED), Act(2, 3, RELEASE_A, DONE),
        Act(4, 5, Advance("z", "a", "RELEASED"), DONE),
    ],
    "no answer, and done and not done": [
        Act(0, 1, A, UNKNOWN), Act(2, 3, B, REFUSED), Act(4, 5, Reserve("c", 1), ("granted", 0)),
    ],
    "what nobody asked for": [Act(0, 1, Read(), (0, 1, 0))],
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_can_be_explained_is(name: str):
    verdict = check(GOOD[name], OneSku(1))
    assert verdict.linearizable, verdict


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_explained_is_not(name: str):
    verdict = check(BAD[name], OneSku(1))
    assert not verdict.linearizable
    assert verdict.stuck


def test_who_is_refused_in_vain_is_named():
    history = [Act(0, 1, A, GRANTED), Act(2, 3, RELEASE_A, DONE), Act(4, 5, B, REFUSED)]

    verdict = check(history, OneSku(1))

    assert (verdict.order, verdict.stuck) == (history[:2], history[2:])


def by_brute_force(history: Sequence[Act], model: OneSku) -> bool:
    """Try every order of every choice of what may have happened."""
    known = [act for act in history if act.known]
    open_ = [act for act in history if not act.known]
    for count in range(len(open_) + 1):
        for some in combinations(open_, count):
            if any(explains(order, model) for order in permutations([*known, *some])):
                return True
    return False


def explains(order: Iterable[Act], model: OneSku) -> bool:
    state, latest_call = model.start(), float("-inf")
    for act in order:
        if act.known and act.returned < latest_call:
            return False
        latest_call = max(latest_call, act.called)
        state, answer = model.step(state, act.action)
        if act.known and answer != act.answer:
            return False
    return True


an_action = st.one_of(
    st.builds(Reserve, st.sampled_from("abc"), st.integers(1, 2)),
    st.builds(
        Advance, st.sampled_from("xyz"), st.sampled_from("abc"),
        st.sampled_from(["ALLOCATED", "RELEASED"]),
    ),
    st.just(Read()),
)  # fmt: skip


@settings(max_examples=300)
@given(
    did=st.lists(an_action, max_size=5),
    shift=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=5, max_size=5),
    forget=st.sets(st.integers(0, 4), max_size=2),
    swap=st.tuples(st.integers(0, 4), st.integers(0, 4)),
)
def test_it_says_what_brute_force_says(
    did: list[Action], shift: list[tuple[int, int]], forget: set[int], swap: tuple[int, int]
):
    """Answers of a sequential run, two of them exchanged, some lost, the times blurred."""
    model = OneSku(2)
    state: Stock = model.start()
    answers = []
    for action in did:
        state, answer = model.step(state, action)
        answers.append(answer)
    if max(swap) < len(did):
        answers[swap[0]], answers[swap[1]] = answers[swap[1]], answers[swap[0]]
    history = [
        Act(2 * n - early, 2 * n + 1 + late, action, UNKNOWN if n in forget else answer)
        for n, (action, answer, (early, late)) in enumerate(
            zip(did, answers, shift[: len(did)], strict=True)
        )
    ]

    assert check(history, model).linearizable == by_brute_force(history, model)


def a_long_history(seed: int, count: int = 600, clients: int = 8) -> list[Act]:
    """Clients that overlap; each act takes its effect at one instant between call and return."""
    random = Random(seed)
    model = OneSku(60)
    state: Stock = model.start()
    acts, free_at = [], [0.0] * clients
    instants = sorted(random.uniform(0, count) for _ in range(count))
    for n, instant in enumerate(instants):
        client = min(range(clients), key=free_at.__getitem__)
        key = random.randrange(n + 1)
        to = random.choice(["ALLOCATED", "RELEASED"])
        advance = Advance(n, key, "ALLOCATED" if to == "ALLOCATED" else "RELEASED")
        actions: list[Action] = [Reserve(n, random.randint(1, 3)), advance, Read()]
        action = random.choice(actions)
        called = min(instant, max(free_at[client], instant - random.uniform(0, 4)))
        free_at[client] = instant + random.uniform(0, 4)
        state, answer = model.step(state, action)
        acts.append(Act(called, free_at[client], action, answer))
    return acts


def test_hundreds_of_acts_of_eight_clients_are_checked_quickly():
    history = a_long_history(7)
    assert check(history, OneSku(60)).linearizable

    lost = [replace(act, answer=UNKNOWN) if n % 40 == 5 else act for n, act in enumerate(history)]
    assert check(lost, OneSku(60)).linearizable

    reads = [n for n, act in enumerate(history) if isinstance(act.action, Read)]
    history[reads[-5]] = replace(history[reads[-5]], answer=(59, 1, 0))
    assert not check(history, OneSku(60)).linearizable
