"""The decoder of frames returns arrays or raises FrameError, whatever bytes it is given."""

import json
import struct
import time
import tracemalloc

import msgspec
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autograder.worker import wire

FUZZ = settings(max_examples=400, deadline=None)
REPLY = wire.Reply(seq=3, kind="result")


def split(frame):
    """Header and payload of a frame, as the grader reads it."""
    head, body = wire.lengths(frame[: wire.PREFIX.size])
    rest = frame[wire.PREFIX.size :]
    assert len(rest) == head + body
    return rest[:head], rest[head:]


def payload(header, data=b""):
    """A payload of safetensors with this header."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data


def tensor(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


real = st.one_of(
    arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4), elements=elements)
    for dtype, elements in (
        (np.float32, {"allow_nan": False, "allow_infinity": False}),
        (np.float64, {"allow_nan": False, "allow_infinity": False}),
        (np.int64, None),
    )
)


@given(st.dictionaries(st.text(max_size=8).filter(lambda name: name != "__metadata__"), real, max_size=4))
@FUZZ
def test_arrays_come_out_as_they_went_in(sent):
    head, body = split(wire.encode(REPLY, sent))
    assert wire.decode_header(head, wire.Reply) == REPLY
    got = wire.decode_arrays(body)
    assert got.keys() == sent.keys()
    for name, array in sent.items():
        assert type(got[name]) is np.ndarray and got[name].dtype == array.dtype and got[name].shape == array.shape
        assert got[name].tobytes() == array.tobytes()


@given(st.integers(0, 2**40), st.sampled_from(["todo", "crash", "format"]), st.text(max_size=200))
@FUZZ
def test_words_come_out_as_they_went_in(seq, kind, text):
    reply = wire.Reply(seq=seq, kind=kind, text=text)
    head, body = split(wire.encode(reply, {}))
    assert wire.decode_header(head, wire.Reply) == reply and wire.decode_arrays(body) == {}


@given(st.binary(max_size=300))
@FUZZ
def test_random_bytes_are_no_arrays(body):
    try:
        wire.decode_arrays(body)
    except wire.FrameError:
        return
    assert body == b"" or json.loads(body[8 : 8 + struct.unpack("<Q", body[:8])[0]]) is not None


@given(st.binary(max_size=300))
@FUZZ
def test_random_bytes_are_no_header(head):
    with pytest.raises(wire.FrameError):
        wire.decode_header(head, wire.Reply)


@given(st.binary(max_size=40))
@FUZZ
def test_random_bytes_are_no_prefix(prefix):
    with pytest.raises(wire.FrameError):
        wire.lengths(prefix)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**64)
    | st.floats()
    | st.sampled_from(["F32", "F64", "I64", "BF16", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
fields = {
    "dtype": st.sampled_from(["F32", "F64", "I64", "U8", "BOOL", "F16", "BF16", "F8_E4M3", "C64", "f32"]) | json_values,
    "shape": st.lists(st.integers(-1, 2**63), max_size=3) | json_values,
    "data_offsets": st.lists(st.integers(-1, 40), max_size=3) | json_values,
}


@given(
    st.dictionaries(st.text(max_size=2), st.fixed_dictionaries(fields) | json_values, max_size=3),
    st.binary(max_size=32),
)
@FUZZ
def test_arrays_that_are_described_in_other_words_are_arrays_or_an_error(header, data):
    try:
        got = wire.decode_arrays(payload(header, data))
    except wire.FrameError:
        return
    assert sum(array.nbytes for array in got.values()) == len(data)
    assert all(array.dtype in (np.float32, np.float64, np.int64) for array in got.values())


@given(st.data())
@FUZZ
def test_a_frame_with_a_bit_flipped_is_arrays_or_an_error(data):
    frame = bytearray(wire.encode(REPLY, {"x": np.arange(6.0).reshape(2, 3), "y": np.arange(3)}))
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        head, body = wire.lengths(bytes(frame[: wire.PREFIX.size]))
        rest = bytes(frame[wire.PREFIX.size :])
        wire.decode_header(rest[:head], wire.Reply)
        got = wire.decode_arrays(rest[head : head + body])
    except wire.FrameError:
        return
    assert all(np.isfinite(array).all() for array in got.values())


FORGED = {
    "shorter than a length": b"\0\0\0",
    "a header longer than all there is": struct.pack("<Q", 10_000) + b"{}",
    "no JSON": payload(b"{{{{{{{{"),
    "no object": payload([]),
    "data after the last array": payload({"x": tensor()}, b"\0" * 8),
    "less data than described": payload({"x": tensor(shape=(9,), offsets=(0, 36))}, b"\0" * 4),
    "another shape than the data has": payload({"x": tensor(shape=(2,))}, b"\0" * 4),
    "overlapping arrays": payload({"x": tensor(), "y": tensor()}, b"\0" * 4),
    "a gap": payload({"x": tensor(), "y": tensor(offsets=(8, 12))}, b"\0" * 12),
    "a name twice": payload(
        b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        b"\0" * 8,
    ),
    "BF16": payload({"x": tensor("BF16", (2,))}, b"\0" * 4),
    "F16": payload({"x": tensor("F16", (2,))}, b"\0" * 4),
    "booleans of many bits": payload({"x": tensor("BOOL", (4,))}, b"\x02" * 4),
    "bytes, which only the grader sends": payload({"x": tensor("U8", (4,))}, b"\0" * 4),
    "NaN": payload({"x": tensor()}, struct.pack("<f", float("nan"))),
    "infinity": payload({"x": tensor("F64", (1,), (0, 8))}, struct.pack("<d", float("inf"))),
    "a shape beyond all numbers": payload({"x": tensor(shape=(2**62, 2**62, 0), offsets=(0, 0))}),
    "no number, and loops for hours": payload({"x": tensor(shape=(2000, 2000, 2000, 0, 4), offsets=(0, 0))}),
}


@pytest.mark.parametrize("body", FORGED.values(), ids=FORGED)
def test_a_forged_payload_is_an_error(body):
    with pytest.raises(wire.FrameError):
        wire.decode_arrays(body)


def test_an_empty_array_is_an_answer():
    assert wire.decode_arrays(payload({"x": tensor(shape=(1000, 0, 3), offsets=(0, 0))}))["x"].shape == (1000, 0, 3)


def test_arrays_come_in_the_order_of_their_names():
    sent = {f"w{n}": np.zeros(2) for n in range(20)}
    _, body = split(wire.encode(REPLY, sent))
    assert list(wire.decode_arrays(body)) == sorted(sent)


def test_drawings_may_be_sent_to_the_worker_as_bytes():
    body = safetensors.numpy.save({"x": np.arange(4, dtype=np.uint8)})
    assert wire.decode_arrays(body, wire.QUESTIONS)["x"].tolist() == [0, 1, 2, 3]


def test_decoded_arrays_have_memory_of_their_own():
    body = bytearray(split(wire.encode(REPLY, {"x": np.arange(3.0)}))[1])
    got = wire.decode_arrays(bytes(body))["x"]
    got[0] = 7
    assert got.base is None and got.flags.writeable


HEADERS = {
    "a surplus field": {"seq": 0, "kind": "result", "passed": True},
    "a verdict": {"seq": 0, "kind": "result", "verdict": "PASS"},
    "no number": {"kind": "result"},
    "a number in quotes": {"seq": "0", "kind": "result"},
    "a truth for a number": {"seq": True, "kind": "result"},
    "another kind": {"seq": 0, "kind": "passed"},
    "no kind": {"seq": 0},
    "text that is none": {"seq": 0, "kind": "crash", "text": ["a"]},
    "a list": [0, "result"],
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_forged_header_is_an_error(header):
    with pytest.raises(wire.FrameError):
        wire.decode_header(json.dumps(header).encode(), wire.Reply)


@pytest.mark.parametrize("head", [b"\xff", b'{"seq":0,"kind":"crash","text":"\\ud800"}', b"[" * 60_000, b"", b"null"])
def test_a_header_that_is_no_json_is_an_error(head):
    with pytest.raises(wire.FrameError):
        wire.decode_header(head, wire.Reply)


def prefix(magic=wire.MAGIC, head=10, body=10):
    return struct.pack("<4sIQ", magic, head, body)


def test_lengths_are_refused_before_anything_is_read():
    assert wire.lengths(prefix()) == (10, 10)
    assert wire.lengths(prefix(head=wire.MAX_HEADER, body=wire.MAX_PAYLOAD)) == (wire.MAX_HEADER, wire.MAX_PAYLOAD)
    for forged in (
        prefix(magic=b"FSH2"),
        prefix(head=wire.MAX_HEADER + 1),
        prefix(body=wire.MAX_PAYLOAD + 1),
        prefix(body=2**64 - 1),
    ):
        with pytest.raises(wire.FrameError):
            wire.lengths(forged)


def test_a_huge_header_of_arrays_costs_neither_time_nor_memory():
    body = payload(b"{" + b" " * 20_000_000 + b"}")
    begun = time.monotonic()
    tracemalloc.start()
    with pytest.raises(wire.FrameError):
        wire.decode_arrays(body)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000 and time.monotonic() - begun < 1
    tracemalloc.stop()


def test_a_request_survives_the_way_to_the_worker():
    request = wire.Request(seq=1, call="step", arguments={"tasks": [[{"array": "0"}]], "train": True}, seed=2**31)
    head, _ = split(wire.encode(request, {"0": np.zeros(2)}))
    assert msgspec.json.decode(head, type=wire.Request) == request
