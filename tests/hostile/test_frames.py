"""Ten thousand frames that no honest worker sends: arrays or a FrameError, each in under a second and 200 MB.

tests/test_wire.py tells what must be refused; here only what must always hold. The decoder meets every frame as the
grader's reader does: lengths first, then as many bytes as were announced and came.
"""

import json
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.worker import wire

SECONDS, MEGABYTES = 1.0, 200
FUZZ = settings(
    max_examples=2500,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
DTYPES = (
    "F32",
    "F64",
    "I64",
    "U8",
    "BOOL",
    "F16",
    "BF16",
    "F8_E4M3",
    "C64",
    "I32",
    "U64",
    "",
    "f32",
    "F32\0",
    "object",
)
KNOWN = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64))


def decode(frame, types=wire.ANSWERS):
    """Header and arrays of a frame, as worker.client takes them; None where it is refused."""
    try:
        head, body = wire.lengths(frame[: wire.PREFIX.size])
        rest = frame[wire.PREFIX.size :]
        if len(rest) < head + body:  # the reader waits for the rest until its deadline
            return None
        return wire.decode_header(rest[:head], wire.Reply), wire.decode_arrays(rest[head : head + body], types)
    except wire.FrameError:
        return None


def hold(frame):
    """Decode a frame, and assert what must hold of every one."""
    begun = time.monotonic()
    decoded = decode(frame)
    assert time.monotonic() - begun < SECONDS
    if decoded is None:
        return
    reply, arrays = decoded
    assert type(reply) is wire.Reply and type(reply.seq) is int and type(reply.text) is str
    for name, array in arrays.items():
        assert type(name) is str and type(array) is np.ndarray and array.dtype in KNOWN
        assert np.isfinite(array).all() and array.flags.owndata
    assert sum(array.nbytes for array in arrays.values()) <= len(frame)


def framed(head, body, *, announced=None, magic=wire.MAGIC):
    """A frame of these bytes, which may lie about their lengths."""
    head_length, body_length = announced or (len(head), len(body))
    return struct.pack("<4sIQ", magic, head_length % 2**32, body_length % 2**64) + head + body


def tensors(header, data, length=None):
    """Bytes that look like safetensors."""
    return struct.pack("<Q", (len(header) if length is None else length) % 2**64) + header + data


# Random bytes, with or without a prefix that is right


lengths = st.one_of(
    st.integers(0, 100), st.integers(0, 2**64 - 1), st.sampled_from([2**16, 2**16 + 1, 2**26, 2**26 + 1, 2**32, 2**63])
)


@given(
    st.binary(max_size=400), st.binary(max_size=400), st.one_of(st.none(), st.tuples(lengths, lengths)), st.booleans()
)
@FUZZ
def test_random_bytes(head, body, announced, bare):
    hold(head + body if bare else framed(head, body, announced=announced))


# Frames that were right before they were changed


@st.composite
def changed_frames(draw):
    shapes = st.lists(st.integers(0, 4), max_size=3)
    sent = {
        name: np.zeros(draw(shapes), dtype=draw(st.sampled_from(KNOWN)))
        for name in draw(
            st.lists(st.text(max_size=6).filter(lambda text: text != "__metadata__"), max_size=3, unique=True)
        )
    }
    frame = bytearray(wire.encode(wire.Reply(seq=draw(st.integers(0, 9)), kind="result"), sent))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(frame)))
        kind = draw(st.sampled_from(["flip", "cut", "insert", "repeat", "number"]))
        if kind == "flip" and at < len(frame):
            frame[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del frame[at : at + draw(st.integers(1, 40))]
        elif kind == "insert":
            frame[at:at] = draw(st.binary(min_size=1, max_size=20))
        elif kind == "repeat":
            frame[at:at] = frame[at : at + 60]
        else:
            frame[at : at + 8] = struct.pack("<Q", draw(lengths))
    return bytes(frame)


@given(changed_frames())
@FUZZ
def test_changed_frames(frame):
    hold(frame)


# Headers of both kinds with fields of every kind


deep = st.sampled_from(
    [b"[" * n + b"]" * n for n in (100, 30_000)] + [b'{"a":' * n + b"1" + b"}" * n for n in (100, 9_000)]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["result", "crash"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
replies = st.fixed_dictionaries(
    {"seq": st.integers(-1, 9) | values, "kind": st.sampled_from(["result", "todo", "crash", "PASS"]) | values},
    optional={
        "error": st.text(max_size=20) | values,
        "text": st.text(max_size=20) | values,
        "places": st.lists(st.tuples(st.text(max_size=4), st.integers(), st.text(max_size=4)) | values, max_size=3)
        | values,
        "passed": values,
    },
)


@pytest.mark.slow
@given(replies | values, st.none() | deep, st.booleans())
@FUZZ
def test_headers_of_every_kind(header, nested, at_the_end):
    head = json.dumps(header).encode("utf-8", "surrogatepass")
    if nested is not None:
        head = head[:-1] + b',"text":' + nested + head[-1:] if at_the_end else nested
    hold(framed(head, b""))


# Arrays that lie: dtypes, shapes, offsets that overlap, leave gaps or run past the end, data left over


sizes = st.one_of(st.integers(0, 6), st.sampled_from([-1, 2**31, 2**32, 2**62, 2**63, 2**64 - 1, 2**64, 10**30]))
described = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(DTYPES) | values,
        "shape": st.lists(sizes, max_size=4) | values,
        "data_offsets": st.tuples(sizes, sizes) | st.lists(sizes, max_size=3) | values,
    },
    optional={"more": values},
)
good = st.sampled_from(
    [
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
        {"dtype": "F64", "shape": [0, 2**62], "data_offsets": [0, 0]},
        {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]},
    ]
)


@pytest.mark.slow
@given(
    st.dictionaries(st.text(max_size=3) | st.just("__metadata__"), good | described | values, max_size=4),
    st.binary(max_size=40) | st.just(b"\0" * 8),
    st.none() | lengths,
    st.booleans(),
)
@FUZZ
def test_arrays_of_every_kind(header, data, length, twice):
    text = json.dumps(header).encode()
    if twice and len(text) > 2:
        text = text[:-1] + b"," + text[1:]  # every name twice
    hold(framed(b'{"seq":0,"kind":"result"}', tensors(text, data, length)))


# The largest that there may be. Memory is measured in a process of its own, by the system.


LARGEST = """
import re, struct, sys, time
from pathlib import Path
import numpy as np
import safetensors.numpy
from autograder.worker import wire


def status(field):
    return int(re.search(field + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])


name = sys.argv[1]
head = b'{"seq":0,"kind":"result"}'
room = wire.MAX_PAYLOAD
if name == "one array":
    body = safetensors.numpy.save({"x": np.zeros((room - 4096) // 8)})
elif name == "many arrays":
    body = safetensors.numpy.save({f"{n:03d}": np.zeros((room - 65536) // 500 // 8) for n in range(500)})
elif name == "many names":
    text = b"{" + b",".join(b'"%05d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % n for n in range(1100)) + b"}"
    body = struct.pack("<Q", len(text)) + text
elif name == "integers":
    body = safetensors.numpy.save({"x": np.zeros((room - 4096) // 8, dtype=np.int64)})
elif name == "a long header":
    body = struct.pack("<Q", room - 8) + b"{" + b" " * (room - 10) + b"}"
elif name == "a long name":
    text = b'{"' + b"x" * 60_000 + b'":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    body = struct.pack("<Q", len(text)) + text
elif name == "places":
    head = b'{"seq":0,"kind":"crash","places":[' + b",".join([b'["a",1,""]'] * 5900) + b"]}"
    body = b""
assert len(body) <= room and len(head) <= wire.MAX_HEADER
Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
before = status("VmRSS")
begun = time.process_time()
wire.lengths(wire.PREFIX.pack(wire.MAGIC, len(head), len(body)))
try:
    wire.decode_header(head, wire.Reply)
    wire.decode_arrays(body)
except wire.FrameError:
    pass
print(time.process_time() - begun, (status("VmHWM") - before) / 1000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are read from /proc")
@pytest.mark.parametrize(
    "name", ["one array", "many arrays", "many names", "integers", "a long header", "a long name", "places"]
)
def test_the_largest_frames(name):
    run = subprocess.run([sys.executable, "-c", LARGEST, name], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, run.stdout.split())
    assert seconds < SECONDS and megabytes < MEGABYTES
