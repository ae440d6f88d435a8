"""LLRP bytes: a foreign codec agrees with ours, and no bytes break the decoder.

`llrpkit` was generated from the standard's own definition file, ours was written by hand: every
frame that we write must mean the same to it, and every message must survive our own round trip.
"""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from llrpkit.protocol import decode_message, messages, params

from edge.drivers.llrp import HEADER, Malformed, Splitter, decode, encode, version_of
from edge.drivers.llrp_messages import (
    ON_SPEC,
    PLAIN,
    REPLIES,
    AddRospec,
    Ask,
    Kind,
    Message,
    OnSpec,
    Plain,
    ReaderEvent,
    Reply,
    Rospec,
    SetConfig,
    SetVersion,
    Status,
    TagRead,
    TagReport,
    Unknown,
    Versions,
)
from simulators.rfid_session import ReaderSession

U16, U32, U64 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
EPCS = st.binary(min_size=12, max_size=12) | st.binary(min_size=1, max_size=62)
TAGS = st.builds(
    TagRead,
    epc_hex=EPCS.map(lambda epc: epc.hex().upper()),
    antenna=st.none() | U16,
    rssi_dbm=st.none() | st.integers(-128, 127),
    first_seen_us=st.none() | U64,
    last_seen_us=st.none() | U64,
    count=st.none() | U16,
)
ROSPECS = st.builds(
    Rospec,
    rospec_id=U32,
    state=st.integers(0, 2),
    start=st.integers(0, 1),
    antennas=st.lists(U16, min_size=1, max_size=8).map(tuple),
    report_after_tags=U16,
)
BARE_REPLIES = sorted(
    REPLIES - {Kind.GET_READER_CAPABILITIES_RESPONSE, Kind.GET_READER_CONFIG_RESPONSE}
)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Plain, kind=st.sampled_from(sorted(PLAIN)), id=U32),
    st.builds(OnSpec, kind=st.sampled_from(sorted(ON_SPEC)), id=U32, spec_id=U32),
    st.builds(Ask, kind=st.just(Kind.GET_READER_CAPABILITIES), id=U32, requested=st.integers(0, 4)),
    st.builds(Ask, kind=st.just(Kind.GET_READER_CONFIG), id=U32, requested=st.integers(0, 10)),
    st.builds(
        SetConfig,
        id=U32,
        reset=st.booleans(),
        keepalive_ms=st.none() | U32,
        inputs=st.lists(U16, max_size=4).map(tuple),
    ),
    st.builds(AddRospec, id=U32, rospec=ROSPECS),
    st.builds(
        Reply,
        kind=st.sampled_from(BARE_REPLIES),
        id=U32,
        status=U16,
        text=st.text(st.characters(codec="utf-8"), max_size=40),
    ),
    st.builds(SetVersion, id=U32, version=st.integers(0, 255)),
    st.builds(Versions, id=U32, current=st.integers(0, 255), supported=st.integers(0, 255)),
    st.builds(TagReport, id=U32, tags=st.lists(TAGS, max_size=5).map(tuple)),
    st.builds(
        ReaderEvent,
        id=U32,
        at_us=U64,
        connection=st.none() | st.integers(0, 4),
        antenna=st.none() | st.tuples(U16, st.booleans()),
        input=st.none() | st.tuples(U16, st.booleans()),
    ),
)


@given(MESSAGES)
def test_what_is_written_reads_the_same(message: Message):
    assert decode(encode(message)) == message


@given(MESSAGES)
def test_a_foreign_codec_reads_what_we_write_and_writes_the_same(message: Message):
    assume(not isinstance(message, SetVersion | Versions))  # it speaks 1.0.1
    assume(not isinstance(message, Plain) or message.kind is not Kind.GET_SUPPORTED_VERSION)
    frame = encode(message)
    assert decode_message(frame).to_bytes() == frame


@given(MESSAGES)
def test_what_both_versions_know_is_said_alike_in_both(message: Message):
    frame = encode(message, 2)
    assert version_of(frame) == 2
    assert decode(frame) == message
    assert encode(message)[2:] == frame[2:]


@given(ROSPECS)
def test_a_foreign_codec_finds_in_a_rospec_what_we_meant(rospec: Rospec):
    theirs = decode_message(encode(AddRospec(rospec=rospec)))
    assert isinstance(theirs, messages.ADD_ROSPEC)
    (inventory,) = theirs.ro_spec.spec_parameters
    assert isinstance(inventory, params.AISpec)
    assert inventory.antenna_ids == list(rospec.antennas)
    assert theirs.ro_spec.ro_spec_id == rospec.rospec_id
    report = theirs.ro_spec.ro_report_spec
    assert report is not None
    assert report.n == rospec.report_after_tags
    wanted = report.tag_report_content_selector
    assert wanted.enable_antenna_id
    assert wanted.enable_peak_rssi
    assert wanted.enable_first_seen_timestamp
    assert wanted.enable_last_seen_timestamp
    assert wanted.enable_tag_seen_count
    assert not wanted.enable_channel_index


@given(st.lists(MESSAGES, max_size=6), st.integers(1, 40))
def test_a_stream_is_cut_into_its_frames_however_it_arrives(said: list[Message], size: int):
    stream = b"".join(map(encode, said))
    splitter = Splitter()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [decode(frame) for piece in pieces for frame in splitter.feed(piece)] == said


# ------------------------------------------------------------------------------ wrong bytes
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(data: bytes):
    with contextlib.suppress(Malformed):
        decode(data)
    with contextlib.suppress(Malformed):
        list(Splitter().feed(data))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good frame with a few bytes changed, or cut short, its length put right again."""
    frame = bytearray(encode(draw(MESSAGES)))
    for _ in range(draw(st.integers(1, 4))):
        frame[draw(st.integers(0, len(frame) - 1))] = draw(st.integers(0, 255))
    del frame[max(10, len(frame) - draw(st.integers(0, 20))) :]
    frame[2:6] = len(frame).to_bytes(4)
    return bytes(frame)


@given(st.lists(damaged(), max_size=8))
def test_no_damaged_frames_hurt_a_reader(frames: list[bytes]):
    session = ReaderSession((1, 2, 3, 4))
    for frame in frames:
        answer = session.answer(frame)
        if answer:
            reply = decode(answer)
            assert reply.id == HEADER.unpack_from(frame)[2]
    assert session.reading <= {1, 2, 3, 4}


@pytest.mark.parametrize(
    "body",
    [
        b"\x01\x1f\x00\x03",  # a TLV that is shorter than its own header
        b"\x01\x1f\xff\xff\x00\x00",  # one that is longer than the message
        b"\xff\x00",  # a TV of a type without a known length
        b"\x01\x1f\x00",  # half a header
        b"",
    ],
)
def test_parameters_that_do_not_add_up_are_malformed(body: bytes):
    frame = HEADER.pack(1 << 10 | Kind.ERROR_MESSAGE, 10 + len(body), 1) + body
    with pytest.raises(Malformed):
        decode(frame)


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\xf1\x00\x00",  # it would never end
        b"\x00\xf0\x00\x03\x00",
        b"\x00\xf0\x00\x20\x8d" + bytes(12),  # ends before its end
        b"\x00\xf0\x00\x04",  # a tag without an EPC
    ],
)
def test_a_report_that_does_not_add_up_is_malformed(body: bytes):
    frame = HEADER.pack(1 << 10 | Kind.RO_ACCESS_REPORT, 10 + len(body), 1) + body
    with pytest.raises(Malformed):
        decode(frame)


@pytest.mark.parametrize("length", [0, 9, 1 << 20 | 1, 2**32 - 1])
def test_a_length_that_no_frame_has_ends_the_stream(length: int):
    with pytest.raises(Malformed):
        list(Splitter().feed(HEADER.pack(1 << 10 | 62, length, 1)))


def test_a_version_that_there_is_not_is_malformed_and_says_so():
    frame = bytearray(encode(Plain(kind=Kind.KEEPALIVE)))
    frame[0] = 3 << 2
    with pytest.raises(Malformed, match="version 3"):
        decode(bytes(frame))


def test_a_message_of_an_unknown_type_is_kept_as_bytes():
    message = Unknown(type=1023, id=5, body=b"\x00\x00\x65\x1a\x15")
    assert decode(encode(message)) == message
    assert decode(encode(replace(message, type=44))) == replace(message, type=44)


# ------------------------------------------------------------------- the reader's side, pure
SPEC = Rospec(rospec_id=7, antennas=(1, 3))


def ask(session: ReaderSession, message: Message) -> int:
    """The status of the reply."""
    reply = decode(session.answer(encode(message)))
    assert isinstance(reply, Reply)
    assert reply.id == message.id
    return reply.status


def do(kind: Kind, spec_id: int = 7) -> OnSpec:
    return OnSpec(kind=kind, id=9, spec_id=spec_id)


def test_a_rospec_reads_from_start_to_stop():
    session = ReaderSession((1, 2, 3, 4))
    assert ask(session, do(Kind.START_ROSPEC)) != 0, "there is none"
    assert ask(session, AddRospec(rospec=SPEC)) == 0
    assert ask(session, AddRospec(rospec=SPEC)) != 0, "there is one already"
    assert ask(session, do(Kind.START_ROSPEC)) != 0, "it is disabled"
    assert ask(session, do(Kind.ENABLE_ROSPEC)) == 0
    assert session.reading == frozenset()
    assert ask(session, do(Kind.START_ROSPEC)) == 0
    assert session.reading == {1, 3}
    assert ask(session, do(Kind.STOP_ROSPEC)) == 0
    assert session.reading == frozenset()


def test_an_immediate_rospec_reads_as_soon_as_it_is_enabled():
    session = ReaderSession((1, 2))
    ask(session, AddRospec(rospec=Rospec(rospec_id=1, start=1, antennas=(0,))))
    ask(session, do(Kind.ENABLE_ROSPEC, 1))
    assert session.reading == {1, 2}
    ask(session, do(Kind.DISABLE_ROSPEC, 1))
    assert session.reading == frozenset()


def test_id_0_means_all_rospecs_and_there_may_be_none():
    session = ReaderSession((1, 2))
    assert ask(session, do(Kind.DELETE_ROSPEC, 0)) == 0
    for number in (1, 2):
        ask(session, AddRospec(rospec=Rospec(rospec_id=number, antennas=(number,))))
    assert ask(session, do(Kind.ENABLE_ROSPEC, 0)) == 0
    assert ask(session, do(Kind.START_ROSPEC, 0)) == 0
    assert session.reading == {1, 2}
    assert ask(session, do(Kind.DELETE_ROSPEC, 0)) == 0
    assert session.rospecs == {}


@pytest.mark.parametrize(
    "wrong",
    [
        Rospec(rospec_id=0),
        Rospec(rospec_id=1, antennas=(9,)),
        Rospec(rospec_id=1, state=2),
        Rospec(rospec_id=1, start=3),
    ],
)
def test_a_rospec_that_cannot_be_played_is_refused(wrong: Rospec):
    session = ReaderSession((1, 2))
    assert ask(session, AddRospec(rospec=wrong)) != 0
    assert session.rospecs == {}


def test_what_is_no_request_gets_no_answer_and_what_nobody_knows_an_error():
    session = ReaderSession((1, 2))
    for kind in (Kind.ENABLE_EVENTS_AND_REPORTS, Kind.KEEPALIVE_ACK):
        assert session.answer(encode(Plain(kind=kind))) == b""
    for message in (Unknown(type=44, id=3), TagReport(id=3), Plain(kind=Kind.KEEPALIVE, id=3)):
        reply = decode(session.answer(encode(message)))
        assert isinstance(reply, Reply)
        assert (reply.kind, reply.id) == (Kind.ERROR_MESSAGE, 3)


def test_a_reader_of_1_1_agrees_on_a_version_and_then_insists_on_it():
    session = ReaderSession((1, 2, 3, 4))
    question = encode(Plain(kind=Kind.GET_SUPPORTED_VERSION, id=4))
    assert decode(session.answer(question)) == Versions(id=4, current=1, supported=2)
    assert ask(session, SetVersion(id=5, version=3)) == Status.UNSUPPORTED_VERSION
    assert ask(session, SetVersion(id=5, version=2)) == Status.SUCCESS
    reply = session.answer(encode(AddRospec(rospec=SPEC), 2))
    assert version_of(reply) == 2
    assert session.rospecs.keys() == {7}
    late = session.answer(encode(do(Kind.ENABLE_ROSPEC), 1))
    assert b"version 1" in late
    session.connected()
    assert ask(session, do(Kind.ENABLE_ROSPEC)) == 0, "a new connection begins with 1.0.1"


def test_a_reader_of_1_0_1_does_not_know_what_a_question_of_1_1_means():
    session = ReaderSession((1, 2), versions=1)
    reply = session.answer(encode(Plain(kind=Kind.GET_SUPPORTED_VERSION, id=4)))
    assert version_of(reply) == 1
    message = decode(reply)
    assert isinstance(message, Reply)
    assert (message.kind, message.status) == (Kind.ERROR_MESSAGE, Status.UNSUPPORTED_VERSION)
