"""Every message of the table is what the installed torch says, and old wordings are found too."""

import math
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import autograd, nn

from autograder.grading.catalog import exercises
from autograder.grading.subjects import TOLD
from autograder.paths import COURSE
from autograder.results import Verdict
from autograder.worker import failure, messages, wire, wordings

ONES = "x = torch.ones(2, requires_grad=True)\n"
CASES = {  # what a student may write, by what the table must say of it
    "NumPy on a tensor with a graph": [ONES + "x.numpy()", ONES + "np.mean([x])"],
    messages.NO_LEAF: [ONES + "warnings.simplefilter('error')\n(x * 1).grad"],
    "a tensor that was not used": [ONES + "autograd.grad(x.sum(), torch.ones(2, requires_grad=True))"],
    "a tensor that requires no gradient": [ONES + "autograd.grad(x.sum(), torch.ones(2))"],
    "no graph": ["torch.ones(()).backward()", ONES + "with torch.no_grad(): y = x.sum()\nautograd.grad(y, x)"],
    "a graph that is gone": [ONES + "y = (x ** 2).sum()\ny.backward()\ny.backward()"],
    "written over": [ONES + "y = x * 1\nz = (y ** 2).sum()\ny += 1\nz.backward()"],
    "a leaf that is written to": [ONES + "x -= 1", ONES + "x[0] = 1"],
    "one number in many places": ["torch.ones(()).expand(3).add_(1)", "x = torch.ones(()).expand(3)\nx += 1"],
    "a view that is written to": [ONES + "a, b = x.unbind()\na += 1"],
    "the gradient of an array": [ONES + "(x * 2).backward()", ONES + "autograd.grad(x * 2, x)"],
    "integers that learn": ["torch.tensor([1, 2], requires_grad=True)", "torch.ones(2).long().requires_grad_()"],
    "a copy of what was computed": [ONES + "import copy\ncopy.deepcopy(x * 1)"],
    "no leaf for an optimizer": [ONES + "torch.optim.SGD([x * 1], lr=1)"],
    "nothing for an optimizer": ["torch.optim.SGD([], lr=1)"],
    "labels that are no integers": [
        "F.cross_entropy(torch.ones(2, 2), torch.tensor([0.0, 1.0]))",
        "F.cross_entropy(torch.ones(2, 2), torch.tensor([0, 1]).int())",
        "F.one_hot(torch.ones(2))",
    ],
    "labels with an axis too many": [
        "F.cross_entropy(torch.ones(2, 2), torch.tensor([[0, 1], [1, 0]]))",
        "F.cross_entropy(torch.ones(2, 2), torch.tensor([[0], [1]]))",
    ],
    "indices that are no integers": [
        "torch.ones(2)[torch.ones(2)]",
        "torch.ones(2)[1.0]",
        "np.ones(2)[1.0]",
        "torch.ones(2).gather(0, torch.ones(2))",
        "torch.ones(2).index_select(0, torch.ones(2))",
        "np.zeros((2, 3))[0, np.eye(5)[1]] = 1",
        "torch.ones(3, 5).scatter(1, torch.ones(3, 1), 1)",
    ],
    "a list that is indexed by a name": ["k = 'a'\n[1][k]", "k = 'a'\n(1,)[k]"],
    "a list that is indexed as a tensor": ["k = None\n[1][k]", "k = 1.0\n(1,)[k]"],
    "integers that have no mean": ["(torch.ones(2) == 1).mean()"],
    "a result that does not fit": ["x = torch.ones(2).long()\nx += torch.ones(2)"],
    "two kinds of numbers": [
        "torch.ones(2, 2) @ torch.ones(2, 2).double()",
        "torch.ones(2) @ torch.ones(2).double()",
        "torch.ones(2, 2) @ torch.ones(2).double()",
        "F.linear(torch.ones(2, 2).double(), torch.ones(2, 2), torch.ones(2))",
        "torch.bmm(torch.ones(1, 2, 2), torch.ones(1, 2, 2).double())",
        "F.binary_cross_entropy(torch.ones(2), torch.ones(2).double())",
        "F.conv2d(torch.ones(1, 1, 5, 5).double(), torch.ones(1, 1, 3, 3))",
        "F.conv2d(torch.ones(1, 1, 5, 5).double(), torch.ones(1, 1, 3, 3), torch.ones(1))",
        "nn.LSTM(2, 3)(torch.ones(1, 2, 2).double())",
        "nn.BatchNorm1d(2)(torch.ones(2, 2).double())",
        "torch.lerp(torch.ones(2), torch.ones(2).double(), 0.5)",
        "torch.ones(2).index_add_(0, torch.tensor([0]), torch.ones(1).double())",
        "torch.ones(2).scatter_add(0, torch.tensor([0]), torch.ones(1).double())",
        "torch.ones(2)[torch.tensor([0])] = torch.ones(1).double()",
    ],
    "matrices that do not fit": [
        "torch.ones(2, 3) @ torch.ones(2, 3)",
        "torch.ones(2, 3) @ torch.ones(2)",
        "torch.ones(2) @ torch.ones(3)",
        "torch.bmm(torch.ones(1, 2, 3), torch.ones(1, 2, 3))",
        "np.ones((2, 3)) @ np.ones((2, 3))",
        "np.dot(np.ones((2, 3)), np.ones((2, 3)))",
        "torch.einsum('ij,jk->ik', torch.ones(2, 3), torch.ones(2, 3))",
    ],
    "sizes that do not broadcast": [
        "torch.ones(2, 3) + torch.ones(2, 4)",
        "torch.ones(3).expand(2, 2)",
        "x = torch.zeros(2, 3)\nx[0] = torch.ones(2)",
        "x = torch.ones(2)\nx += torch.ones(3, 2)",
        "np.ones(2) + np.ones(3)",
        "torch.distributions.Normal(torch.ones(2), torch.ones(2)).log_prob(torch.ones(3))",
        "x = np.zeros((2, 3))\nx[0] = np.ones(2)",
        "np.repeat(np.ones(3), [1, 2])",
        "F.gaussian_nll_loss(torch.ones(3, 1), torch.ones(3, 1), torch.ones(2, 1))",
    ],
    "a shape of another size": [
        "torch.ones(6).reshape(4, 2)",
        "torch.ones(6).view(4, -1)",
        "np.ones(6).reshape(4, 2)",
        "torch.ones(2, 3).view(-1, -1)",
        "torch.ones(4).split([1, 2])",
    ],
    "view of what is not in one piece": ["torch.ones(2, 3).T.view(6)"],
    "several numbers for one": [
        "float(torch.ones(2))",
        "torch.ones(2).item()",
        "math.log(1 + math.exp(torch.ones(2)))",
        "math.sqrt(np.ones(2))",
        "torch.tensor([torch.ones(2), torch.ones(2)])",
        "float(np.ones(2))",
    ],
    "no tensors in the list": ["torch.stack([1.0])", "torch.stack([[1.0]])", "torch.cat([np.ones(2)])"],
    "tensors of different shapes in a list": [
        "torch.stack([torch.ones(2), torch.ones(3)])",
        "torch.cat([torch.ones(2, 2), torch.ones(2, 3)])",
        "torch.cat([torch.ones(()), torch.ones(())])",
        "np.stack([np.ones(2), np.ones(3)])",
        "np.concatenate([np.ones(2), np.ones((2, 2))])",
        "np.concatenate([1, 2])",
        "np.vstack([np.ones(2), np.ones(3)])",
    ],
    "tensors of different numbers of axes in a list": ["torch.cat([torch.ones(2), torch.ones(2, 3)])"],
    "an axis that is kept, of none": [
        "torch.ones(()).expand(3, -1)",
        "torch.ones(()).expand(-1)",
        "torch.ones(4).expand(3, -1, -1)",
    ],
    "a number for several values": [
        "list(3)",
        "for _ in 1.5: pass",
        "n = 3\nn[0]",
        "n = 1.5\nn[0]",
        "len(3)",
        "len(1.5)",
    ],
    "an empty list": [
        *("torch.stack([])", "torch.cat([])", "np.stack([])", "np.concatenate([])", "max([])", "min([])", "[].pop()"),
        *("import random\nrandom.choice([])", "np.random.choice([])", "np.random.default_rng(0).choice([])"),
    ],
    "a product of no matrices": [
        "torch.mm(torch.ones(2), torch.ones(2, 3))",
        "torch.mm(torch.ones(2, 3), torch.ones(3))",
    ],
    "an axis that is not there": [
        "torch.ones(2, 2).sum(dim=3)",
        "torch.ones(2).mean(dim=(2, 3))",
        "np.ones(2).sum(axis=1)",
        "torch.ones(2, 2).permute(0, 1, 2)",
        "torch.ones(2, 2).permute(1, 1)",
        "torch.cat([torch.ones(64), torch.ones(3, 1)], dim=1)",
        "torch.ones(3, 4).expand(3)",
        "x = torch.ones(3)\nx[0] = torch.ones(2)",
        "torch.ones(2, 3).repeat(2)",
        "torch.bmm(torch.ones(2, 3), torch.ones(2, 3))",
        "torch.bmm(torch.ones(2, 3, 4), torch.ones(2, 3))",
        "torch.dot(torch.ones(2, 3), torch.ones(2, 3))",
        "torch.cdist(torch.ones(3), torch.ones(2, 3))",
        "torch.einsum('ij', torch.ones(2, 3), torch.ones(2))",
        "np.ones((2, 3)).swapaxes(0, 3)",
        "np.ones(3).transpose(0, 1)",
    ],
    "an index behind the end": [
        "torch.ones(2)[5]",
        "torch.ones(2)[torch.tensor([5])]",
        "[1][3]",
        "(1,)[3]",
        "np.ones(2)[5]",
    ],
    "a label that is no class": [
        "F.cross_entropy(torch.ones(2, 2), torch.tensor([0, 2]))",
        "F.one_hot(torch.tensor([5]), 3)",
        "F.one_hot(torch.tensor([-1]))",
    ],
    "logits and labels of different length": [
        "F.cross_entropy(torch.ones(2, 2), torch.tensor([0, 1, 0]))",
        "F.cross_entropy(torch.ones(2, 3, 2), torch.tensor([0, 1]))",
    ],
    "more indices than axes": ["torch.ones(2)[0, 0]", "np.ones(2)[0, 0]"],
    "no axis at all": [
        "for x in torch.tensor(1.0): pass",
        "len(torch.tensor(1.0))",
        "torch.tensor(1.0)[0]",
        "a, b = 1.0",
    ],
    "a mask of another length": [
        "torch.ones(2)[torch.tensor([True, False, True])]",
        "np.ones(3)[np.ones(4, dtype=bool)]",
    ],
    "an index of another shape": [
        "torch.ones(2).gather(0, torch.ones(2, 2).long())",
        "torch.ones(3, 5).scatter(1, torch.ones(3).long(), 1)",
        "np.take_along_axis(np.ones((2, 3)), np.ones(2).astype(int), 1)",
    ],
    "a convolution of other channels": ["F.conv2d(torch.ones(2, 2, 5, 5), torch.ones(1, 1, 3, 3))"],
    "a convolution of no images": ["F.conv2d(torch.ones(5, 5), torch.ones(1, 1, 3, 3))"],
    "an image that is too small": [
        "F.conv2d(torch.ones(2, 1, 2, 2), torch.ones(1, 1, 3, 3))",
        "F.max_pool2d(torch.ones(1, 1, 1, 1), 2)",
    ],
    "batch normalisation of one value": ["F.batch_norm(torch.ones(1, 2), None, None, training=True)"],
    "a sequence of other features": ["nn.LSTM(2, 3)(torch.ones(1, 2, 4))"],
    "a sequence of other axes": ["nn.LSTM(2, 3)(torch.ones(1, 1, 2, 2))"],
    "a hidden state of other axes": [
        "nn.LSTM(2, 3)(torch.ones(1, 2, 2), (torch.ones(1, 3), torch.ones(1, 3)))",
        "nn.LSTM(2, 3)(torch.ones(2, 2), (torch.ones(1, 2, 3), torch.ones(1, 2, 3)))",
        "nn.LSTM(2, 3)(torch.ones(1, 2, 2), (torch.ones(1, 1, 3), torch.ones(1, 2, 3)))",
    ],
    "rows of different length": ["torch.tensor([[1, 2], [3]])", "np.array([[1, 2], [3]])"],
    "columns of two sets": ["torch.cdist(torch.ones(2, 3), torch.ones(2, 4))"],
    "a distribution that does not exist": [
        "torch.distributions.Normal(torch.zeros(2), -torch.ones(2))",
        "torch.distributions.Normal(torch.ones(2) * float('nan'), torch.ones(2))",
        "torch.normal(torch.ones(2), -torch.ones(2))",
        "F.gaussian_nll_loss(torch.ones(3, 1), torch.ones(3, 1), -torch.ones(3, 1))",
    ],
    "no GPU here": ["torch.ones(1).cuda()", "torch.ones(1).to('cuda')"],
    "two devices": ["torch.ones(2) + torch.ones(2, device='meta')"],
    "NumPy on a tensor of the GPU": ["torch.ones(1, device='meta').numpy()"],
    "nothing where something is needed": [
        "None.backward()",
        "x = None\nx[0]",
        "for x in None: pass",
        "a, b = None",
        "len(None)",
        "None * torch.ones(2)",
        "torch.ones(2) - None",
        "None > 1",
        "sum([None])",
        "torch.mean(None)",
        "torch.tensor(None)",
        "F.cross_entropy(torch.ones(2, 2), None)",
        "int(None)",
        "float(None)",
        "torch.Tensor([None])",
    ],
    "one of several values": ["(1, 2).backward()", "F.relu((torch.ones(2), 1))", "torch.ones(2, 3).max(dim=1) + 1"],
    "too few or too many values": ["a, b = (1,)", "a, b = (1, 2, 3)", "a, b = torch.ones(3)"],
    "an array of NumPy's for a tensor": [
        "np.ones(2).backward()",
        "F.cross_entropy(np.ones((2, 2)), torch.tensor([0, 1]))",
        "F.conv2d(np.ones((2, 2)), torch.ones(1, 1, 1, 1))",
    ],
    "a number for a tensor": [
        "(1.0).backward()",
        "[1].mean",
        "np.float64(1).backward()",
        "torch.mean([1.0])",
        "torch.mean(1.0)",
        "torch.stack(torch.ones(3))",
        "torch.optim.SGD([1.0], lr=1)",
        "autograd.grad(torch.ones(()).requires_grad_(), [1.0])",
    ],
    "a list that is computed with": [
        "[1] - [2]",
        "torch.ones(2) - [1, 2]",
        "torch.ones(2) * {}",
        "1.0 * {}",
        "[1] + 1",
        "[1] * 1.0",
        "torch.ones(2) * [1, 2]",
        "torch.ones(2) + (1, 2)",
        "int([1])",
        "float([1])",
    ],
    "many truths for one": [
        "if torch.ones(2) == 1: pass",
        "if np.ones(2) == 1: pass",
        "torch.ones(2) in [torch.zeros(2)]",
    ],
    "a NumPy function on a tensor": ["np.mean(torch.ones(2))", "np.sum(torch.ones(2), axis=0)"],
    "a value that is called": ["torch.ones(2)()", "torch.ones(2).shape()"],
    "a function that is not called": ["torch.ones(2).mean.item()", "torch.ones(2).size[0]", "torch.ones(2).mean - 1"],
    "a tensor for a parameter": [
        "m = nn.Linear(2, 2)\nm.weight = torch.ones(2, 2)",
        "nn.Module().register_parameter('x', torch.ones(2))",
    ],
    "an attribute that is not there": ["torch.ones(2).foo", "nn.Module().x", "{}.shape"],
    "a name that nothing has": ["undefined", "def f():\n    y += 1\nf()", "lenn([])"],
    "a name that a module does not have": ["torch.foo", "np.foo", "from torch import foo"],
    "arguments that do not fit": [
        "(lambda x: 1)()",
        "(lambda x, y: 1)()",
        "(lambda x: 1)(1, 2)",
        "(lambda: 1)(1)",
        "(lambda x: 1)(x=1, y=2)",
        "(lambda x: 1)(1, x=2)",
    ],
    "arguments that torch does not take": ["torch.ones(2).mean(dims=0)"],
    "an argument of another kind": ["torch.zeros(2.0)", "range(2.0)"],
    "calls without end": ["def f(n): return f(n)\nf(1)"],
    "nothing to divide by": ["1 / 0", "1 // 0", "1.0 / 0"],
    "lists of different length": ["list(zip([1], [1, 2], strict=True))", "list(zip([1, 2], [1], strict=True))"],
    "a text among numbers": [
        *("torch.ones(2) + 'a'", "'a' + 1", "float('a')", "int('a')", "torch.tensor('a')"),
        *("np.ones(3) + 'a'", "x = np.zeros(3)\nx[0] = 'a'", "'a' - torch.ones(2)"),
    ],
    "a dict that is indexed by place": ["{1: 2}.items()[0]", "{1: 2}.keys()[0]", "{1: 2}.values()[0]"],
    "a key that can be changed": ["{1: 2}[[1]]", "{np.ones(2)}", "{{}: 1}"],
    "something to draw from": [
        *("import random\nrandom.sample({1, 2}, 1)", "import random\nrandom.sample(np.arange(3), 1)"),
        *("import random\nrandom.shuffle((1, 2))", "import random\nrandom.shuffle(range(3))"),
        *("np.random.choice([[1, 2], [3, 4]])", "np.random.permutation(None)"),
    ],
    "sizes that are no tuple": ["np.zeros(2, 3)"],
    "arrays that are no list": ["np.concatenate(np.ones(2), np.ones(2))", "[1, 2][np.array([0, 1])]"],
    "several numbers in one place": [
        "x = np.zeros((2, 3))\nx[0, 0] = np.ones(4)",
        "x = np.zeros((2, 3))\nx[0, 0] = [1, 2]",
        "x = torch.ones(3)\nx[0] = [1, 2]",
    ],
    "what integers cannot": [
        "torch.ones(3).long().softmax(0)",
        "F.cross_entropy(torch.ones(3, 2).long(), torch.ones(3).long())",
    ],
    "a minus for booleans": ["x = torch.ones(2).bool()\nx - x", "-torch.ones(2).bool()"],
    "a condition of numbers": ["torch.where(torch.ones(2), 1, 0)"],
    "layers in a list": ["nn.Sequential([nn.Linear(1, 1)])"],
    "sizes that are no integers": ["torch.zeros((2, 3.0))", "nn.Linear(3.0, 2)", "torch.rand([1.5])"],
    "a probability above 1": ["F.binary_cross_entropy(2 * torch.ones(3), torch.ones(3))"],
    "NumPy on an array and a tensor": ["np.ones(4) + torch.ones(3)", "torch.from_numpy([1])"],
    "a sample that is too large": [
        "import random\nrandom.sample([1], 2)",
        "np.random.choice(3, 5, replace=False)",
        "np.random.default_rng(0).choice(3, 5, replace=False)",
    ],
}
OLD = {  # as torch 2.6 to 2.12, CUDA builds, older NumPy or another Python say it
    "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is "
    "the desired behavior.": "a tensor that was not used",
    "Can't call numpy() on Variable that requires grad. Use var.detach().numpy() instead.": (
        "NumPy on a tensor with a graph"
    ),
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed).": "a graph that is gone",
    "only Tensors of floating point and complex dtype can require gradients": "integers that learn",
    "expected scalar type Long but found Float": "labels that are no integers",
    "expected scalar type Float but found Double": "two kinds of numbers",
    "expected m1 and m2 to have the same dtype, but got: float != double": "two kinds of numbers",
    "mat1 and mat2 must have the same dtype, but got Double and Float": "two kinds of numbers",
    "Input type (double) and weight type (float) should be the same": "two kinds of numbers",
    "Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same or input should be a "
    "MKLDNN tensor and weight is a dense tensor": "two kinds of numbers",
    "Found dtype Double but expected Float": "two kinds of numbers",
    "one_hot is only applicable to index tensor.": "labels that are no integers",
    "tensors used as indices must be long, byte or bool tensors": "indices that are no integers",
    "gather(): Expected dtype int64 for index": "indices that are no integers",
    "The size of tensor a (3) must match the size of tensor b (4) at dimension 1": "sizes that do not broadcast",
    "only one element tensors can be converted to Python scalars": "several numbers for one",
    "only length-1 arrays can be converted to Python scalars": "several numbers for one",
    "expected a non-empty list of Tensors": "an empty list",
    "torch.cat(): expected a non-empty list of Tensors": "an empty list",
    "input.size(-1) must be equal to input_size. Expected 2, got 4": "a sequence of other features",
    "LSTM: Expected input to be 2-D or 3-D but received 4-D tensor": "a sequence of other axes",
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!": "two devices",
    "Expected object of device type cuda but got device type cpu for argument #1 'self' in call to _th_addmm": (
        "two devices"
    ),
    "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.": (
        "NumPy on a tensor of the GPU"
    ),
    "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU": "no GPU here",
    "too many values to unpack (expected 2, got 3)": "too few or too many values",
    "local variable 'y' referenced before assignment": "a name that nothing has",
    "name 'lenn' is not defined. Did you mean: 'len'?": "a name that nothing has",
    "Cannot take a larger sample than population when replace is False": "a sample that is too large",
}


def name_of(text):
    found = next((match for error in messages.RAISED if (match := messages.find(error, text))), None)
    return next((name for name, known in messages.MESSAGES.items() if found and known is found.known), None)


def said(code):
    """The first line of what Python says of code."""
    names = {"torch": torch, "np": np, "F": F, "nn": nn, "autograd": autograd, "warnings": warnings, "math": math}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(code, "<student>", "exec"), names)
        except Exception as error:
            assert type(error).__name__ in messages.RAISED
            return (str(error).splitlines() or [""])[0]
    raise AssertionError("it raises nothing")


def test_every_entry_is_provoked():
    assert list(messages.MESSAGES) == [name for name in messages.MESSAGES if CASES.get(name)]
    assert set(CASES) == set(messages.MESSAGES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "code"), [(name, code) for name, codes in CASES.items() for code in codes], ids=lambda value: value[:40]
)
def test_what_the_installed_torch_says_is_found(name, code):
    text = said(code)
    assert name_of(text) == name, text


@pytest.mark.parametrize(("text", "name"), OLD.items(), ids=lambda value: value[:40])
def test_what_other_versions_say_is_found(text, name):
    assert name_of(text) == name


@pytest.mark.parametrize("name", messages.MESSAGES)
def test_an_entry_says_what_to_do_in_whole_sentences(name):
    means = messages.MESSAGES[name].means
    assert len(means.split()) >= 8 and means.rstrip()[-1] in ".?" and means[0].isupper(), means


EXERCISES = [
    path.name for path in (COURSE / "autograder" / "exercises").iterdir() if (path / "exercise.toml").is_file()
]


def test_no_entry_names_an_exercise():
    said = " ".join(known.means for known in messages.MESSAGES.values()).lower()
    assert EXERCISES and not [name for name in EXERCISES if name.replace("_", " ") in said or name in said]


def plain(text, error="RuntimeError", numbers=True):
    reply = wire.Reply(seq=0, kind="crash", error=error, text=text, places=[wire.Place("hw2/x.py", 1, "f")])
    about = failure.About(numbers=numbers)
    return failure.explain(reply, "hw2/x.py", {"hw2/x.py": b"f(x)\n"}, importing=False, about=about)


def test_a_known_message_reaches_the_student_with_its_small_numbers():
    text = "The size of tensor a (25) must match the size of tensor b (5) at non-singleton dimension 1"
    assert plain(text).plain.startswith(f"RuntimeError: {text}\n") and plain(text).numbers
    bare = plain(text, numbers=False)
    assert "(...) must match" in bare.plain and "25" not in bare.plain and not bare.numbers


SECRET = "31415926"
SMUGGLED = {
    "a large number": f"The size of tensor a ({SECRET}) must match the size of tensor b (5) at dimension 1",
    "what may be anything": f"name '{SECRET}' is not defined",
    "an axis": f"Dimension out of range (expected to be in range of [-2, 1], but got {SECRET})",
    "behind it": f"Target 2 is out of bounds.{SECRET}",
    "before it": f"{SECRET} division by zero",
    "more numbers than are shown": "permute(x): number of dimensions" + SECRET,
    "a kind": f"'{SECRET}' object is not callable",
    "a second line": f"division by zero\n{SECRET}",
    "zeros before it": f"stack expects each tensor to be equal size, but got [2] at entry {SECRET} and [3] at entry 1",
}


@pytest.mark.parametrize("text", SMUGGLED.values(), ids=SMUGGLED)
def test_nothing_else_of_a_message_reaches_the_student(text):
    told = plain(text)
    assert SECRET not in told.plain and SECRET in str(told)


def test_small_numbers_are_written_anew():
    assert "0000000025" not in plain("stack expects a non-empty TensorList0000000025").plain
    shown = plain("Target 0000000002 is out of bounds.").plain
    assert shown.startswith("RuntimeError: Target 2 is out of bounds.")


def test_an_error_of_the_students_own_make_says_nothing_known():
    assert plain("division by zero", error="MyError").plain.splitlines()[0] == "Your code raised an exception."


def bits(lines, *, numbers):
    """What a crash can tell, by its first line and two places in a file of so many lines."""
    texts = [(text, known.also) for known in messages.MESSAGES.values() for text in known.texts]
    known = [(len({*messages.MOSTLY, *also}), 1 + (wordings.count(text) if numbers else 0)) for text, also in texts]
    first = sum(errors * shown for errors, shown in known) + len(failure.KNOWN) + 1 + len(failure.CLASSES)
    formats = sum(1 + (wordings.count(text) if numbers else 0) for text in messages.FORMATS)
    given_and_own = max(1, lines // 2) ** 2  # the most pairs of a given line and one of their own
    return math.log2(len(Verdict) + first * (lines + given_and_own) + formats)


def test_the_page_says_how_much_a_report_can_tell():
    page = (COURSE / "docs" / "security.md").read_text()
    with_numbers, without = (math.ceil(bits(200, numbers=numbers)) for numbers in (True, False))
    required = [exercise for exercise in exercises("hw2") if exercise.required]
    count = sum(not trains for exercise in required for trains in exercise.outline().values())
    run = count * without + len(required) * TOLD * (with_numbers - without)
    said = (
        f"{without} bits where that has 200 lines, and {with_numbers} with numbers; for the {count} checks of homework "
        f"2 that do not train at most {run} bits a run"
    )
    assert said in " ".join(page.split()), said


def test_a_warning_that_is_explained_is_not_printed_beside_its_explanation():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (torch.ones(2, requires_grad=True) * 1).grad  # noqa: B018
    shown = warnings.formatwarning(caught[0].message, UserWarning, "hw2/x.py", 3, "print(y.grad)")
    printed = f"before\n{shown}  after, indented\n"
    assert messages.on_warnings(printed) == messages.MESSAGES[messages.NO_LEAF].means
    assert messages.without_warnings(printed) == "before\n  after, indented\n"
    assert messages.without_warnings("a Warning: of another kind\n") == "a Warning: of another kind\n"
