"""What a solution may return, and what it may not: all that is numbers, whatever they are wrapped in."""

import collections
import inspect
import io
from typing import NamedTuple, get_type_hints

import numpy as np
import pytest
import torch

from autograder.grading import fingerprints
from autograder.worker.packing import pack, unpack
from autograder.worker.values import FormatError, flatten, in_double, several, tensor, to_array


class Subarray(np.ndarray):
    pass


class Agreeable(torch.Tensor):
    """A tensor that answers True to everything."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True


class Reducing:
    def __reduce__(self):
        return print, ("unpickled",)


def inference():
    with torch.inference_mode():
        return torch.tensor([1.0, 2.0]) * 1


NUMBERS = {
    "a tensor": (lambda: torch.tensor([1.0, 2.0]), np.float32, [1, 2]),
    "a tensor of double precision": (lambda: torch.tensor([1.0, 2.0], dtype=torch.float64), np.float64, [1, 2]),
    "a tensor with a graph": (lambda: torch.tensor([1.0, 2.0], requires_grad=True) * 1, np.float32, [1, 2]),
    "a parameter": (lambda: torch.nn.Parameter(torch.tensor([1.0, 2.0])), np.float32, [1, 2]),
    "a tensor of inference mode": (inference, np.float32, [1, 2]),
    "a view with a stride": (lambda: torch.arange(6.0)[::2], np.float32, [0, 2, 4]),
    "an expanded tensor": (lambda: torch.tensor([3.0]).expand(2), np.float32, [3, 3]),
    "a negated view": (lambda: torch.tensor([1 + 2j]).conj().imag, np.float32, [-2]),
    "integers": (lambda: torch.tensor([1, 2]), np.int64, [1, 2]),
    "small integers": (lambda: torch.tensor([1, 2], dtype=torch.int8), np.int64, [1, 2]),
    "int32": (lambda: torch.tensor([1, 2], dtype=torch.int32), np.int64, [1, 2]),
    "unsigned integers": (lambda: np.array([1, 2], dtype=np.uint64), np.int64, [1, 2]),
    "booleans": (lambda: torch.tensor([True, False]), np.int64, [1, 0]),
    "an array": (lambda: np.array([1.0, 2.0], dtype=np.float32), np.float32, [1, 2]),
    "an array backwards": (lambda: np.arange(3.0)[::-1], np.float64, [2, 1, 0]),
    "big-endian numbers": (lambda: np.array([1.0, 2.0], dtype=">f8"), np.float64, [1, 2]),
    "an array subclass": (lambda: np.array([1.0]).view(Subarray), np.float64, [1]),
    "a Python float": (lambda: 0.5, np.float64, 0.5),
    "a Python integer": (lambda: 7, np.int64, 7),
    "a Python boolean": (lambda: True, np.int64, 1),
    "a NumPy number": (lambda: np.float32(0.5), np.float32, 0.5),
    "a NumPy boolean": (lambda: np.bool_(True), np.int64, 1),
    "a tensor without axes": (lambda: torch.tensor(0.5), np.float32, 0.5),
    "a list of numbers": (lambda: [1, 0.5, True], np.float64, [1, 0.5, 1]),
    "a list of tensors": (lambda: [torch.tensor(0.5), torch.tensor(1.0)], np.float32, [0.5, 1]),
    "a tuple of lists of all kinds": (
        lambda: ([torch.ones(2), np.zeros(2)], [[1, 2], (3.0, 4)]),
        np.float64,
        [[[1, 1], [0, 0]], [[1, 2], [3, 4]]],
    ),
    "an empty list": (list, np.float64, []),
    "an empty tensor": (lambda: torch.zeros(0, 3), np.float32, np.zeros((0, 3))),
    "minus zero": (lambda: torch.tensor([-0.0]), np.float32, [0]),
    "a denormal number": (lambda: np.array([1e-310]), np.float64, [1e-310]),
}

OTHERS = {
    "nothing": (lambda: None, r"expected a tensor, got nothing \(no return\?\)"),
    "a string": (lambda: "1", "expected a tensor, got str"),
    "bytes": (lambda: b"1", "expected a tensor, got bytes"),
    "a dict": (lambda: {"ok": True}, "expected a tensor, got a dict of 1"),
    "keys of a dict": (lambda: {0: 1}.keys(), "expected a tensor, got dict_keys"),
    "a set": (lambda: {1, 2}, "expected a tensor, got set"),
    "a deque": (lambda: collections.deque([1]), "expected a tensor, got deque"),
    "an object": (Reducing, "expected a tensor, got Reducing"),
    "a list with a string": (lambda: [1, "2"], "expected a tensor, got str"),
    "lists of different lengths": (lambda: [[1, 2], [1]], "expected a tensor, got a list of 2 of different shapes"),
    "half precision": (lambda: torch.ones(2).half(), "got torch.float16"),
    "bfloat16": (lambda: torch.ones(2).bfloat16(), "got torch.bfloat16"),
    "half precision in NumPy": (lambda: np.ones(2, dtype=np.float16), "expected float32, .* array of float16"),
    "float8": (lambda: torch.ones(2).to(torch.float8_e4m3fn), "expected an ordinary tensor"),
    "complex numbers": (lambda: torch.ones(2) * 1j, "got torch.complex64"),
    "long doubles": (lambda: np.ones(2, dtype=np.longdouble), "expected float32, float64 or integers|^$"),
    "complex numbers in NumPy": (lambda: np.ones(2) * 1j, "got an array of complex128"),
    "strings in NumPy": (lambda: np.array(["1.0"]), "got an array of <U3"),
    "objects in NumPy": (lambda: np.array([1, None]), "got an array of object"),
    "records": (lambda: np.zeros(2, dtype=[("passed", bool)]), "got an array of"),
    "dates": (lambda: np.array(["2024"], dtype="M8[Y]"), "got an array of"),
    "an integer of many digits": (lambda: 2**80, "got object"),
    "an unsigned integer beyond int64": (lambda: np.array([2**64 - 1], dtype=np.uint64), "is too large"),
    "a sparse tensor": (lambda: torch.eye(2).to_sparse(), "expected an ordinary tensor"),
    "a tensor without data": (lambda: torch.zeros(2, device="meta"), "expected an ordinary tensor"),
    "a nested tensor": (
        lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(2)], layout=torch.strided),
        "expected an ordinary tensor",
    ),
    "a tensor that says yes to everything": (lambda: torch.ones(2).as_subclass(Agreeable), ""),
    "a tensor expanded to 10^12 numbers": (lambda: torch.zeros(1).expand(10**12), "1000000000000 numbers are too many"),
    "no number in an enormous shape": (lambda: torch.zeros(10**6, 0, 10**6), r"an empty array of the shape"),
    "an array of 10^12 numbers": (lambda: np.broadcast_to(0.0, 10**12), "1000000000000 numbers are too many"),
    "NaN": (lambda: torch.tensor(float("nan")), "is NaN"),
    "NaN somewhere": (lambda: torch.tensor([[0.0, 1.0], [2.0, float("nan")]]), r"contains NaN, first at \[1, 1\]"),
    "infinity somewhere": (lambda: np.array([0.0, -np.inf]), r"contains infinity, first at \[1\]"),
    "NaN in a list": (lambda: [0.5, float("nan")], "NaN"),
}


@pytest.mark.parametrize(("make", "dtype", "want"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_in_any_wrapping_are_taken(make, dtype, want):
    got = to_array(make(), "logits")
    assert type(got) is np.ndarray and got.dtype == dtype and got.flags.c_contiguous
    np.testing.assert_array_equal(got, want)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("make", "message"), OTHERS.values(), ids=OTHERS)
def test_anything_else_is_a_format_error_that_says_what_came(make, message):
    if message.endswith("|^$") and np.longdouble is np.float64:
        pytest.skip("long doubles are doubles here")
    with pytest.raises(FormatError, match=f"^logits.*({message})"):
        to_array(make(), "logits")


def test_an_endless_iterator_is_refused_and_not_iterated():
    asked = []

    def numbers():
        while True:
            asked.append(1)
            yield 1.0

    with pytest.raises(FormatError, match="got generator"):
        to_array(numbers(), "logits")
    assert not asked


def test_a_coroutine_is_refused():
    async def answer():
        return 1.0

    coroutine = answer()
    with pytest.raises(FormatError, match="got coroutine"):
        to_array(coroutine, "logits")
    coroutine.close()


def test_the_array_is_a_copy():
    given = torch.zeros(2)
    got = to_array(given, "logits")
    given[0] = 1
    assert got[0] == 0


class Answer(NamedTuple):
    """An answer of a probe."""

    loss: np.ndarray
    weights: dict[str, np.ndarray]


def test_an_answer_is_flattened_field_by_field():
    got = flatten(Answer(torch.tensor(0.5), {"w": torch.ones(2), 3: [1, 2]}))
    assert {name: array.tolist() for name, array in got.items()} == {
        "loss": 0.5,
        "weights/w": [1, 1],
        "weights/3": [1, 2],
    }


def test_a_parameter_dict_is_a_dict_of_tensors():
    got = flatten(Answer(1.0, torch.nn.ParameterDict({"w": torch.ones(2)})))
    assert got["weights/w"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer({"a": 1.0}, {"w": 1.0}), "^loss: expected a tensor, got a dict of 1$"),
        (Answer(1.0, {}), "^weights: expected a dict of tensors, got a dict of 0$"),
        (Answer(1.0, [1.0, 2.0]), "^weights: expected a dict of tensors, got a list of 2$"),
        (Answer(1.0, None), "^weights: expected a dict of tensors, got nothing"),
        (Answer(1.0, {"w": "x"}), "^weights w: expected a tensor, got str$"),
    ],
)
def test_a_dict_where_a_tensor_is_due_is_a_format_error_and_the_other_way_round(answer, message):
    with pytest.raises(FormatError, match=message):
        flatten(answer)


def test_a_function_may_return_more_values_than_are_asked_for():
    assert several((1, 2, 3), 2, "_inner_loop") == (1, 2)
    assert several([1, 2], 2, "_inner_loop") == (1, 2)


@pytest.mark.parametrize(
    ("answer", "what"),
    [(None, "nothing"), ((1,), "a tuple of 1"), ({"w": 1, "b": 2}, "a dict of 2"), (1.0, "float"), ("ab", "str")],
)
def test_too_few_values_are_a_format_error(answer, what):
    with pytest.raises(FormatError, match=f"^_inner_loop returns 2 values, got {what}"):
        several(answer, 2, "_inner_loop")


def test_where_a_graph_is_asked_for_only_a_tensor_will_do():
    given = torch.ones(2)
    assert tensor(given, "logits") is given
    for other in (np.ones(2), [given], 1.0):
        with pytest.raises(FormatError, match=r"^logits: expected a tensor, got"):
            tensor(other, "logits")


def test_arguments_come_out_as_they_went_in():
    given = {
        "tasks": [[np.arange(3), np.zeros((2, 2))], [np.ones(1)]],
        "weights": {"w": np.arange(2.0)},
        "train": True,
        "steps": np.int64(3),
        "rate": np.float64(0.5),
        "split": "train",
        "nothing": None,
    }
    arrays = {}
    got = unpack(pack(given, arrays), arrays)
    assert len(arrays) == 4 and got["steps"] == 3 and type(got["steps"]) is int and type(got["rate"]) is float
    np.testing.assert_equal(got, given)


def test_a_question_with_an_answer_in_it_is_the_same_in_whatever_order_that_came():
    numbers = {"conv0": np.zeros((2, 3)), "b0": np.ones(3), "b10": np.full(4, 2.0)}
    questions = []
    for names in (list(numbers), sorted(numbers)):
        arrays = {}
        packed = pack({"parameters": {name: numbers[name] for name in names}}, arrays)
        assert list(unpack(packed, arrays)["parameters"]) == names
        questions.append(fingerprints.question(0, "inner_loop", packed, arrays))
    assert questions[0] == questions[1]


def test_in_double_precision_single_precision_is_double():
    @in_double
    def made():
        return [
            torch.zeros(2),
            torch.tensor([1, 2]).float(),
            torch.tensor([1, 2]).to(torch.float32),
            torch.ones(2, dtype=torch.float),
            torch.FloatTensor([1.0]),
            torch.nn.functional.one_hot(torch.tensor([0, 1])).float(),
            torch.tensor(0.5),
        ]

    assert {each.dtype for each in made()} == {torch.float64}


def test_in_double_precision_single_precision_may_be_mixed_in():
    eye = torch.eye(2, dtype=torch.float32)

    @in_double
    def mixed():
        given = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        drawn = torch.rand(1)
        (slope,) = torch.autograd.grad((eye.T @ given).square().sum(), given)
        return drawn, slope, torch.zeros(2, 2, dtype=eye.dtype).index_add_(0, torch.tensor([1, 0]), given)

    torch.manual_seed(0)
    drawn, slope, added = mixed()
    torch.manual_seed(0)
    assert drawn == torch.rand(1, dtype=torch.float64), "the second attempt draws what the first one drew"
    assert slope.dtype == torch.float64 and slope.tolist() == [[2, 4], [6, 8]]
    assert added.tolist() == [[3, 4], [1, 2]]


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), TypeError("dtype")])
def test_what_has_to_do_with_no_precision_is_tried_once(error):
    tried = []

    @in_double
    def fail():
        tried.append(1)
        raise error

    with pytest.raises(type(error)):
        fail()
    assert len(tried) == 1


def test_double_precision_ends_with_the_call_even_by_an_error():
    before = torch.float32, torch.float, torch.FloatTensor, torch.Tensor.float

    @in_double
    def fail():
        raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert (torch.float32, torch.float, torch.FloatTensor, torch.Tensor.float) == before
    assert torch.zeros(1).dtype == torch.zeros(1).double().float().dtype == torch.float32
    assert "float" not in vars(torch.Tensor)


def test_a_probe_in_double_precision_keeps_its_signature():
    @in_double
    def probe(module, features: int) -> Answer:
        """Doc."""

    assert list(inspect.signature(probe).parameters) == ["module", "features"] and probe.__doc__ == "Doc."
    assert get_type_hints(probe)["return"] is Answer


def test_weights_can_be_saved_and_loaded_in_double_precision_and_afterwards():
    def copied(tensor):
        memory = io.BytesIO()
        torch.save({"w": tensor}, memory)
        memory.seek(0)
        return torch.load(memory)["w"]

    single, double = torch.ones(2), torch.ones(2, dtype=torch.float64)
    assert in_double(lambda: copied(torch.ones(2)))().dtype == torch.float64
    assert copied(single).dtype == torch.float32 and copied(double).dtype == torch.float64
