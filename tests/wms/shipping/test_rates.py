"""Rates: who takes what, what it costs, one by one and all pairs at once."""

import numpy as np
import pytest

from wms.shipping.prefectures import PREFECTURES, ZONES, nearest, prefecture
from wms.shipping.rates import UNSERVED, all_prefectures, default_card, refusal

CARD = default_card()


def codes(weight_g: int, **more: int) -> set[str]:
    return {each.code for each in CARD.services(weight_g, **more)}  # type: ignore[arg-type]


def test_all_prefectures_are_there_and_in_a_zone_each():
    assert len(PREFECTURES) == 47
    assert {each.zone for each in PREFECTURES} == set(range(len(ZONES)))


@pytest.mark.parametrize("name", ["東京都", "東京", "Tokyo", " tokyo "])
def test_a_prefecture_is_known_by_each_of_its_names(name: str):
    found = prefecture(name)
    assert found is not None
    assert found.name == "東京都"


def test_a_place_is_in_the_prefecture_whose_capital_is_nearest():
    assert nearest(35.6, 139.8) == "東京都"
    assert nearest(34.7, 135.5) == "大阪府"
    assert prefecture("California") is None


def test_farther_and_heavier_is_never_cheaper():
    near = CARD.cost_minor("YAMATO", "東京都", "神奈川県", 900)
    far = CARD.cost_minor("YAMATO", "東京都", "沖縄県", 900)
    heavy = CARD.cost_minor("YAMATO", "東京都", "神奈川県", 19_000)
    assert near is not None
    assert far is not None
    assert heavy is not None
    assert near < far
    assert near < heavy
    for service in CARD.all_services.values():
        prices = [size.price_minor for size in service.sizes]
        assert prices == sorted(prices)


def test_the_size_class_is_what_size_or_weight_makes_whichever_is_more():
    yamato = CARD.all_services["YAMATO"]
    for weight_g, size_mm, expected in [(900, 0, 60), (900, 990, 100), (9_000, 600, 100)]:
        size = yamato.size_class(weight_g, size_mm)
        assert size is not None
        assert size.size_cm == expected
    assert yamato.size_class(30_001) is None
    assert yamato.size_class(900, 2_001) is None


def test_who_takes_what():
    assert codes(900) == {"YAMATO", "SAGAWA", "YUPACK"}
    assert codes(900, cool=True) == {"YAMATO-COOL", "SAGAWA-COOL", "YUPACK-COOL"}
    assert codes(40_000) == {"SAGAWA"}
    assert codes(900, cod_minor=400_000) == {"SAGAWA", "YUPACK"}
    assert codes(900, dangerous=True) == {"YAMATO", "SAGAWA"}
    assert codes(900, size_mm=1_900) == {"YAMATO"}
    assert codes(60_000) == set()


def test_why_a_service_does_not_take_a_parcel():
    yamato, cool = CARD.all_services["YAMATO"], CARD.all_services["YAMATO-COOL"]
    assert refusal(yamato, 900) is None
    assert refusal(yamato, 900, cool=True) == "not_cooled"
    assert refusal(cool, 900) == "only_cooled"
    assert refusal(yamato, 30_001) == "too_heavy"
    assert refusal(yamato, 900, size_mm=2_100) == "too_large"
    assert refusal(yamato, 900, cod_minor=300_001) == "cod_too_much"
    assert refusal(CARD.all_services["YUPACK"], 900, dangerous=True) == "dangerous_goods"


def test_collecting_at_the_door_costs_by_amount():
    yamato = CARD.all_services["YAMATO"]
    assert [yamato.cod_fee_minor(yen) for yen in (0, 1, 10_000, 10_001, 300_000)] == [
        0, 330, 330, 440, 1100,
    ]  # fmt: skip
    assert yamato.slot_refused("12-14")
    assert not yamato.slot_refused("")


def test_an_unknown_place_is_not_served_and_breaks_nothing():
    assert CARD.cost_minor("YAMATO", "東京都", "Atlantis", 900) is None
    assert CARD.lead_days("YAMATO", "東京都", "Atlantis") == 3
    assert CARD.co2_g("東京都", "Atlantis", 900) == 0
    matrix = CARD.matrix(["東京都", ""], ["大阪府", "Atlantis"])
    assert (matrix.cost_minor[:, 0, 0] < UNSERVED).all()
    assert (matrix.cost_minor[:, 1, :] == UNSERVED).all()
    assert (matrix.cost_minor[:, :, 1] == UNSERVED).all()
    assert (matrix.service[:, 1, :] == -1).all()


@pytest.mark.parametrize("cool", [False, True])
def test_the_matrix_says_what_asking_one_by_one_says(*, cool: bool):
    places = all_prefectures()
    matrix = CARD.matrix(places, places, cool=cool)
    random = np.random.default_rng(7)
    for _ in range(500):
        at, one, other = (int(random.integers(n)) for n in (len(matrix.weights_g), 47, 47))
        weight_g, sender, recipient = matrix.weights_g[at], places[one], places[other]
        costs = {
            each.code: CARD.cost_minor(each.code, sender, recipient, weight_g)
            for each in CARD.services(weight_g, cool=cool)
        }
        known = {code: cost for code, cost in costs.items() if cost is not None}
        if not known:
            assert matrix.cost_minor[at, one, other] == UNSERVED
            continue
        assert matrix.cost_minor[at, one, other] == min(known.values())
        code = matrix.codes[matrix.service[at, one, other]]
        assert known[code] == min(known.values())
        assert matrix.lead_days[at, one, other] == CARD.lead_days(code, sender, recipient)
        assert matrix.co2_g[at, one, other] == CARD.co2_g(sender, recipient, weight_g)


def test_a_weight_is_in_the_class_that_takes_it():
    matrix = CARD.matrix(["東京都"], ["東京都"])
    assert [matrix.class_of(w) for w in (1, 2_000, 2_001, 30_000, 99_000)] == [0, 0, 1, 6, 6]


def test_prices_go_both_ways_alike():
    for service in CARD.all_services:
        assert CARD.cost_minor(service, "福岡県", "東京都", 900) == CARD.cost_minor(
            service, "東京都", "福岡県", 900
        )


def test_by_sea_is_cleaner_than_the_way_is_long():
    assert CARD.co2_g("東京都", "沖縄県", 1_000) < CARD.co2_g("東京都", "福岡県", 1_000)
    assert CARD.co2_g("東京都", "大阪府", 2_000) == pytest.approx(
        2 * CARD.co2_g("東京都", "大阪府", 1_000), abs=1
    )
