"""Frames between the grader and a worker: a typed header and named arrays, and nothing that could run.

    4 bytes magic | 4 bytes header length | 8 bytes payload length | header, JSON | payload, safetensors

Everything a worker sends is the student's to forge. So lengths are checked before anything is allocated, the header
has only the fields below, the payload is arrays of three types with finite numbers, and any doubt is a FrameError.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import safetensors.numpy

MAGIC = b"FSH1"
PREFIX = struct.Struct("<4sIQ")
MAX_HEADER = 64 * 1024
PLACES = 8  # lines of the student's that led to an error
SPANS = 3  # expressions of the exercise's file of which something is told
OPERANDS, AXES = 6, 8  # of the last of them that are told, and sizes of one
WRITINGS = 8  # of an expression
TEXT = 4000  # characters of an error
NAME = 200  # characters of a name
LINES = 1_000_000  # of a file
MAX_PAYLOAD = 64 * 1024 * 1024
EMPTY = 1_000_000  # numbers that an array without any might have, were its sizes of 0 sizes of 1
Types = Mapping[str, type[np.generic]]
ANSWERS: Types = {"F32": np.float32, "F64": np.float64, "I64": np.int64}  # what a worker may send
QUESTIONS: Types = {**ANSWERS, "U8": np.uint8}  # and be sent: drawings are bytes

SECONDS = 900  # that a process of a worker may compute in all
DIGITS = bytes.maketrans(b"01", b"\x0e\x0f")

Kind = Literal["result", "todo", "unreadable", "format", "memory", "crash"]


class FrameError(ValueError):
    """Bytes that are not a frame."""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """Call a function of the probe.

    Attributes:
        seq: number of the request, counted from 0.
        call: name of the function; "import" only imports the student's module, "look" reads its text, and "hello" does
            nothing.
        arguments: JSON in which {"array": name} stands for an array of the payload.
        seed: for the random number generators of Python, NumPy and torch.
    """

    seq: int
    call: str
    arguments: dict[str, Any]
    seed: int


class Place(msgspec.Struct, forbid_unknown_fields=True, array_like=True):
    """A line of the student's, by which an error came."""

    file: Annotated[str, msgspec.Meta(max_length=NAME)]
    line: Annotated[int, msgspec.Meta(ge=0, le=LINES)]
    function: Annotated[str, msgspec.Meta(max_length=NAME)]


class Operand(msgspec.Struct, forbid_unknown_fields=True, array_like=True):
    """What stands under a name in the line that raised an error.

    Attributes:
        name: as x, or self.x.
        kind: of value, as "float64 tensor" or "list".
        shape: its sizes, or how many entries it has; None where it is a single value.
    """

    name: Annotated[str, msgspec.Meta(max_length=NAME)]
    kind: Annotated[str, msgspec.Meta(max_length=NAME)]
    shape: Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=2**40)]], msgspec.Meta(max_length=AXES)] | None


class Reply(msgspec.Struct, forbid_unknown_fields=True):
    """The answer to one request: arrays, or why there are none.

    Attributes:
        seq: number of the request.
        kind: "result", or what kept the worker from one.
        error: name of the exception's class.
        text: the first line of its message.
        places: the last lines of the student's that led to it, the raising one last.
        operands: what stands in the last of them.
        done: what the expressions compute by which the error came, the raising one last; see expressions.py.
    """

    seq: Annotated[int, msgspec.Meta(ge=0, le=2**40)]
    kind: Kind
    error: Annotated[str, msgspec.Meta(max_length=TEXT)] = ""
    text: Annotated[str, msgspec.Meta(max_length=TEXT)] = ""
    places: Annotated[list[Place], msgspec.Meta(max_length=PLACES)] = []
    operands: Annotated[list[Operand], msgspec.Meta(max_length=OPERANDS)] = []
    done: Annotated[
        list[Annotated[list[Annotated[str, msgspec.Meta(max_length=NAME)]], msgspec.Meta(max_length=WRITINGS)]],
        msgspec.Meta(max_length=SPANS),
    ] = []


def encode(header: Request | Reply, arrays: dict[str, np.ndarray]) -> bytes:
    """Return a frame of a header and named arrays."""
    head = msgspec.json.encode(header)
    body = (
        safetensors.numpy.save({name: np.array(array, order="C") for name, array in arrays.items()}) if arrays else b""
    )
    return PREFIX.pack(MAGIC, len(head), len(body)) + head + body


def lengths(prefix: bytes, max_payload: int = MAX_PAYLOAD) -> tuple[int, int]:
    """Read the lengths of header and payload from a frame's first 16 bytes.

    Raises:
        FrameError: not a frame, or larger than allowed.
    """
    try:
        magic, head, body = PREFIX.unpack(prefix)
    except struct.error:
        raise FrameError("the answer ends before its length") from None
    if magic != MAGIC:
        raise FrameError("the bytes do not begin like an answer")
    if head > MAX_HEADER or body > max_payload:
        raise FrameError(f"the answer is too large ({head} + {body} bytes)")
    return head, body


def decode_header(head: bytes, kind: type[Request] | type[Reply]) -> Any:
    """Return a frame's header.

    Raises:
        FrameError: it is not of this kind to the letter.
    """
    try:
        return msgspec.json.decode(head, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise FrameError(f"the answer's header cannot be read: {error}") from None


def decode_arrays(body: bytes, types: Types = ANSWERS) -> dict[str, np.ndarray]:
    """Return a frame's arrays by name, in the order of the names, copied into memory of their own.

    Raises:
        FrameError: not safetensors, another dtype, a number that is not finite, or no number in a shape over which
            NumPy would loop for hours all the same.
    """
    if not body:
        return {}
    # safetensors itself allows a header of 100 MB, which takes seconds to read.
    if len(body) < 8 or int.from_bytes(body[:8], "little") > MAX_HEADER:
        raise FrameError("the answer's arrays cannot be read")
    try:
        arrays = {}
        for name, tensor in sorted(safetensors.deserialize(body)):  # type: ignore[no-untyped-call]
            flat = np.frombuffer(tensor["data"], dtype=types[tensor["dtype"]])
            arrays[name] = flat.reshape(tensor["shape"]).copy()
    except Exception as error:  # a decoder of hostile bytes may raise anything
        raise FrameError(f"the answer's arrays cannot be read: {type(error).__name__}") from None
    if not all(loops_end(array.shape) for array in arrays.values()):
        raise FrameError("the answer holds an array without numbers in an enormous shape")
    if not all(bool(np.isfinite(array).all()) for array in arrays.values()):
        raise FrameError("the answer holds numbers that are not finite")
    return arrays


def loops_end(shape: Sequence[int]) -> bool:
    """Tell whether loops over an array's other sizes end soon, where one size is 0 and no number is in it."""
    return 0 not in shape or math.prod(filter(None, shape)) <= EMPTY


def mark(seq: int) -> bytes:
    """Return what a worker writes into its log before it answers: only characters that no log shows."""
    return b"\x02" + f"{seq:b}".encode().translate(DIGITS) + b"\x03"
