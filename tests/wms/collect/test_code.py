"""The pickup code and its QR: the same each time, no key to anything else, hard to guess."""

from collections import Counter

from wms.collect.code import mark_of, opens, pickup_code, qr_payload
from wms.ids import new_token


def test_a_code_is_six_digits_and_the_same_each_time():
    token = new_token()
    assert pickup_code(token) == pickup_code(token)
    assert len(pickup_code(token)) == 6
    assert pickup_code(token).isdecimal()


def test_the_code_and_the_qr_open_the_order_and_no_other():
    token, other = new_token(), new_token()
    assert opens(token, pickup_code(token))
    assert opens(token, f" {qr_payload(token)} ")
    assert not opens(token, qr_payload(other))
    assert not opens(token, token), "the tracking page's address is no key to the bag"
    assert not opens(token, "")


def test_the_qr_says_nothing_of_the_token():
    token = new_token()
    assert token not in qr_payload(token)
    assert qr_payload(token) not in mark_of(qr_payload(token))


def test_codes_are_spread_over_all_there_are():
    first = Counter(pickup_code(f"token {number}")[0] for number in range(5_000))
    assert set(first) == set("0123456789")
    assert max(first.values()) < 650  # 500 each; five times their spread
