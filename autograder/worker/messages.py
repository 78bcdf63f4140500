"""Messages of torch, NumPy and Python that students meet most, and what is behind them here.

A message often comes with an advice of its own, which silences it and is the next mistake: detach(), retain_graph=True,
allow_unused=True. So each has a sentence on what it means in a homework like these, and on that advice.
"""

import re
from typing import NamedTuple

from autograder.worker import wordings


class Known(NamedTuple):
    """A message.

    Attributes:
        texts: its wordings, from torch 2.6 on (see wordings.py).
        means: what is wrong, and what to do, in sentences.
        elsewhere: whether the mistake may lie where the values were made, rather than in the line that met them.
        also: the errors that say so, besides those that say most.
    """

    texts: tuple[str, ...]
    means: str
    elsewhere: bool = True
    also: tuple[str, ...] = ()


class Match(NamedTuple):
    """What is known of a text."""

    known: Known
    shown: wordings.Shown


# It is printed with its place before it, and with the line itself in a line of its own, indented, after it.
WARNING = re.compile(
    r"^.*Warning: .*a Tensor that is not a leaf Tensor is being accessed.*\n?(?:  .*\n?)?", re.MULTILINE
)


def find(error: str, text: str) -> Match | None:
    """Return what is known of an error's name and the first line of its message; the first of MESSAGES that fits."""
    for known in MESSAGES.values() if error in RAISED else ():
        for wording in known.texts if error in (*MOSTLY, *known.also) else ():
            if shown := wordings.recognised(wording, text):
                return Match(known, shown)
    return None


def on_warnings(printed: str) -> str:
    """What is behind a warning of torch that was printed, where its advice would be the next mistake."""
    return MESSAGES[NO_LEAF].means if WARNING.search(printed) else ""


def without_warnings(printed: str) -> str:
    """What was printed, without warnings of torch of which on_warnings tells."""
    return WARNING.sub("", printed)


def of_format(text: str) -> wordings.Shown | None:
    """Return what can be shown of what values.py says of an answer that it cannot read."""
    return next((shown for wording in FORMATS if (shown := wordings.recognised(wording, text))), None)


def of_no_number(text: str) -> str:
    """Return where NaN or infinity comes from, if that is what values.py says of an answer."""
    return next(
        (why for word, why in NO_NUMBERS.items() if text.endswith(f" is {word}") or f" contains {word}, " in text), ""
    )


NO_NUMBERS = {
    "NaN": "NaN comes from the logarithm or the root of a negative number, from 0 / 0, from infinity minus infinity, "
    "and from the mean of nothing. Print the smallest number before each logarithm, root and division.",
    "infinity": "Infinity comes from the exponential of a large number, from the logarithm of 0, and from a division "
    "by 0. Print the largest number before each exponential, and the smallest before each logarithm and division.",
}
NO_RETURN = "nothing (no return?)"
FORMATS = (
    *(
        f"{{*}}{expected}, got {got}"
        for expected in (" returns {n} values", ": expected a tensor", ": expected a dict of tensors")
        for got in (NO_RETURN, "a {kind} of different shapes", "a {kind} of {n}", "{kind}")
    ),
    *("{*} contains NaN, first at {*}", "{*} contains infinity, first at {*}", "{*} is NaN", "{*} is infinity"),
)
MOSTLY = ("RuntimeError", "TypeError", "ValueError", "IndexError")  # the errors that say most
NO_LEAF = ".grad of a tensor that is no leaf"
NOTHING = (
    "Something here is None. A function without `return` gives None, so do list.append(), dict.update() and "
    "list.sort(), and so does .grad, before backward() and of any tensor that is not a leaf, such as a clone or the "
    "result of an update. For gradients with respect to such tensors take torch.autograd.grad(loss, tensors), which "
    "returns them."
)
PRECISION = (
    "Two kinds of numbers meet. The checks give float64 and the training float32, so neither can be written down: make "
    "new tensors like those that you are given (torch.zeros_like(x), dtype=x.dtype), and turn integers and NumPy "
    "arrays by .to(x.dtype). A .double() or .float() in this line moves the mistake to the next one."
)
INTEGERS = (
    "Class labels must be integers (dtype torch.int64, which torch also calls Long), one for each row. Convert them "
    "where they are made; if they are one-hot, argmax over the axis of the classes gives integers."
)
SHAPES = "Print the shapes of both in the line before, and compare them with those in the docstring."
AXES = (
    "Compare the shapes of what stands in the line with the docstring. Where all are right, this line itself has to "
    "add an axis (unsqueeze), repeat a row for each of several (expand) or name another axis; where one is not, look "
    "at what made it."
)
BROADCAST = (
    f"{SHAPES} Sizes are compared from the last axis backwards; an axis of size 1, made by [:, None], unsqueeze or "
    "keepdim=True, fits any size."
)
IN_PLACE = (
    "With +=, -=, add_() and x[...] = ... you write into a tensor that is there already. Make a new one instead, "
    "as in x = x - rate * gradient."
)
COUNTS = (
    "Compare how many values the function returns with how many names take them: its docstring lists them in order."
)
NOT_A_TENSOR = (
    "A tensor is needed here, and something else was given. A number that came from .item(), float() or NumPy has no "
    "graph any more, and a list or a dict of tensors is no tensor yet. Keep the tensor where it is made: "
    "torch.tensor(...) around it in this line would silence the message, and no gradient would flow."
)

MESSAGES: dict[str, Known] = {
    # Graphs and gradients
    "NumPy on a tensor with a graph": Known(
        (
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
            "Can't call numpy() on Variable that requires grad. Use var.detach().numpy() instead.",
        ),
        "NumPy does not know graphs: compute with torch's function of the same name (torch.mean for np.mean). "
        "detach() would silence this and cut the graph, so that nothing before it could learn. It is right only "
        "for a number that is reported and not learned from, such as an accuracy.",
    ),
    NO_LEAF: Known(
        ("The .grad attribute of a Tensor that is not a leaf Tensor is being accessed.{*}",),
        "What backward() fills is .grad of leaf tensors only, and a clone or the result of an update is none, so its "
        ".grad is None. Take torch.autograd.grad(loss, tensors), which returns the gradients. retain_grad() would "
        "silence the warning, but backward() would also add to .grad of every leaf before it, and free the graph.",
        also=("UserWarning",),
    ),
    "a tensor that was not used": Known(
        (
            "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if "
            "this is the desired behavior.",
            "The differentiated Tensor at index {n} appears to not have been used in the graph. Set allow_unused=True "
            "if this is the desired behavior.",
        ),
        "The loss was not computed from the tensors for which a gradient is asked, but from others, such as a copy of "
        "them, or what a step made of them without a graph. Which of the two is meant? Either ask for the gradient "
        "with respect to the tensors of which the loss was made, or compute the loss from those that you pass. "
        "allow_unused=True would give None for the gradient, which is no gradient.",
    ),
    "a tensor that requires no gradient": Known(
        (
            "One of the differentiated Tensors does not require grad",
            "The differentiated Tensor at index {n} does not require grad",
        ),
        "A gradient is asked for with respect to a tensor that is not part of a graph: it was detached, or computed "
        "under torch.no_grad(). If you cut it off on purpose, call requires_grad_() on it before the loss is computed.",
    ),
    "no graph": Known(
        ("element {n} of tensors does not require grad and does not have a grad_fn",),
        "There is no graph to differentiate: something on the way was computed under torch.no_grad() or "
        "set_grad_enabled(False), detached, turned into a number (.item(), float(), NumPy), made anew by "
        "torch.tensor(...), or is a gradient taken without create_graph=True. Look for it before this line. What is "
        "detached on purpose, as the result of a step, has to get requires_grad_() before the next loss is computed "
        "of it; on the loss itself requires_grad_(True) would silence this, and nothing would be learned.",
    ),
    "a graph that is gone": Known(
        ("Trying to backward through the graph a second time{*}",),
        "A graph is differentiated twice, and the first time has freed it. Is it to be the same point each time, as "
        "for several products with one Hessian? There retain_graph=True is right, and only there. Or is something kept "
        "from an earlier step or call, or a loss computed before the loop in which its gradient is taken? Then compute "
        "it anew for each step.",
    ),
    "written over": Known(
        ("one of the variables needed for gradient computation has been modified by an inplace operation{*}",),
        f"A value that the gradient needs was written over. {IN_PLACE}",
    ),
    "a leaf that is written to": Known(
        (
            "a leaf Variable that requires grad is being used in an in-place operation.",
            "a view of a leaf Variable that requires grad is being used in an in-place operation.",
            "a leaf Variable that requires grad has been used in an in-place operation.",
        ),
        "This line writes into a tensor that you take gradients with respect to. If the tensor itself is to change, as "
        "in an optimizer's step, write under torch.no_grad(). Everywhere else that would silence this and cut the "
        "graph: make a new tensor, as in x = x - rate * gradient, and leave the one from which all starts as it is.",
    ),
    "one number in many places": Known(
        ("unsupported operation: more than one element of the written-to tensor refers to a single memory loc{*}",),
        "A tensor that expand() or expand_as() made shows one number in many places, and cannot be written to. Call "
        "clone() where it is made, and each place has a number of its own; torch.full_like(x, value) makes such a "
        "tensor at once.",
    ),
    "a view that is written to": Known(
        ("Output {n} of {*} is a view and is being modified inplace.{*}",), IN_PLACE
    ),
    "the gradient of an array": Known(
        ("grad can be implicitly created only for scalar outputs",),
        "A gradient can be taken of a single number only, and this loss has several: take their mean, or their sum if "
        "the docstring says so. A loss with reduction='none' does not do it by itself.",
    ),
    "integers that learn": Known(
        (
            "only Tensors of floating point dtype can require gradients",
            "only Tensors of floating point and complex dtype can require gradients",
            "Only Tensors of floating point and complex dtype can require gradients",
        ),
        "Integers have no gradient: make the tensor of floats, as 1.0 instead of 1.",
    ),
    "a copy of what was computed": Known(
        ("Only Tensors created explicitly by the user{*} support the deepcopy protocol at the moment.{*}",),
        "A copy by copy.deepcopy() is for leaf tensors only, and would cut the graph. clone() copies a tensor and "
        "keeps its graph; detach().clone() copies it without one.",
    ),
    "no leaf for an optimizer": Known(
        ("can't optimize a non-leaf Tensor",),
        "An optimizer changes leaf tensors: what was computed from a tensor that requires a gradient, as a product, "
        "an expand() or a clone() of it, is none. For something that is to be learned, compute its first values "
        "without a gradient, and call requires_grad_() last, on the result. A step that the graph is to run through "
        "needs no optimizer: write it by hand, x - rate * gradient. There detach() or nn.Parameter would silence "
        "this, and cut the graph.",
    ),
    "nothing for an optimizer": Known(
        ("optimizer got an empty parameter list",),
        "There is nothing to learn: a generator can be gone through only once, and a list of layers is seen by "
        "parameters() only as an nn.ModuleList.",
    ),
    # Kinds of numbers
    "labels that are no integers": Known(
        (
            "expected scalar type Long but found {type}",
            "expected target dtype to be Long or Byte, but got {type}",
            "\"nll_loss_forward_reduce_cuda_kernel_2d_index\" not implemented for '{type}'",
            "\"nll_loss_out_frame\" not implemented for '{type}'",
            "one_hot is only applicable to index tensor.",
            "one_hot is only applicable to index tensor of type LongTensor.",
        ),
        INTEGERS,
    ),
    "labels with an axis too many": Known(
        (
            "0D or 1D target tensor expected, multi-target not supported",
            "Expected floating point type for target with class probabilities, got {type}",
        ),
        "Targets of a cross entropy are integers (n,) for logits (n, N), or one-hot rows of floats (n, N). Which of "
        "them are yours? flatten() takes away an axis of size 1, argmax over the axis of the classes makes integers of "
        "one-hot.",
    ),
    "indices that are no integers": Known(
        (
            "tensors used as indices must be long, byte or bool tensors",
            "tensors used as indices must be long, int, byte or bool tensors",
            "gather(): Expected dtype int64 for index",
            "gather(): Expected dtype int32/int64 for index",
            "index_select(): Expected dtype int32 or int64 for index",
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            "{kind})",
            "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are "
            "valid indices",
            "arrays used as indices must be of integer (or boolean) type",
            "scatter(): Expected dtype int32/int64 for index",
        ),
        "An index in this line is itself an array or a tensor, of floats. An index is an integer, or integers, or "
        "booleans as in x[labels == k]. A one-hot label is no index: count classes 0 .. N-1, and make one-hot labels "
        "of these afterwards. Whole numbers that came out as floats: // instead of /, .long() or .astype(int).",
    ),
    "a list that is indexed by a name": Known(
        ("list indices must be integers or slices, not str", "tuple indices must be integers or slices, not str"),
        "A list or tuple has places and no names: dict(zip(names, values)) gives each value its name, in the order in "
        "which both are. autograd.grad returns a tuple, in the order of the tensors that it was given.",
    ),
    "a list that is indexed as a tensor": Known(
        ("list indices must be integers or slices, not {kind}", "tuple indices must be integers or slices, not {kind}"),
        "A list or tuple is indexed as if it were a tensor or a dict: it takes whole numbers only. torch.stack(x) "
        "makes one tensor of a list of tensors, and keeps their graph; a dict is gone through by its names.",
    ),
    "integers that have no mean": Known(
        (
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            "Got: {type}",
        ),
        "A mean of integers or booleans is no integer: turn them into floats before it, as in (a == b).float().mean().",
    ),
    "a result that does not fit": Known(
        ("result type {type} can't be cast to the desired output type {type}",),
        "Both x += y and x[...] = y keep the kind of numbers of x, and y has one that does not fit. Make a new tensor: "
        "x = x + y.",
    ),
    "two kinds of numbers": Known(
        (
            "mat1 and mat2 must have the same dtype, but got {type} and {type}",
            "mat1 and mat2 must have the same dtype",
            "expected m1 and m2 to have the same dtype, but got: {type} != {type}",
            "expected scalar type {type} but found {type}",
            "dot : expected both vectors to have same dtype, but found {type} and {type}",
            "addmv input tensors must have the same dtype, but got {*}",
            "{*}must have the same dtype{*}",
            "Found dtype {type} but expected {type}",
            "Input type ({type}) and bias type ({type}) should be the same",
            "Input type ({type}) and weight type ({type}) should be the same",
            "Input type ({*}) and weight type ({*}) should be the same{*}",
            "expected dtype {type} for `{*}` but got dtype {type}",
            "mixed dtype (CPU): {*}",
            "RNN input dtype ({type}) does not match weight dtype ({type}).{*}",
            "{*}: self ({type}) and source ({type}) must have the same scalar type",
            "Index put requires the source and destination dtypes match, got {type} for the destination and {type} for "
            "the source.",
            "scatter(): Expected self.dtype to be equal to src.dtype",
        ),
        PRECISION,
    ),
    # Shapes
    "matrices that do not fit": Known(
        (
            "mat1 and mat2 shapes cannot be multiplied ({n}x{n} and {n}x{n})",
            "size mismatch, got input ({n}), mat ({n}x{n}), vec ({n})",
            "size mismatch, got {*}",
            "inconsistent tensor size, expected tensor [{n}] and src [{n}] to have the same number of elements, but "
            "got {*} elements respectively",
            "Expected size for first two dimensions of batch2 tensor to be: [{n}, {n}] but got: [{n}, {n}].",
            "matmul: Input operand {*} has a mismatch in its core dimension {*}",
            "shapes {*} and {*} not aligned: {*}",
            "einsum(): subscript {*} has size {n} for operand {n} which does not broadcast with previously seen size "
            "{n}",
        ),
        "In a product the last axis of the first must be as long as the axis of the second that it meets. A layer "
        "expects "
        f"as many features as it was made for. {SHAPES} Transposing until it fits may compute something else.",
    ),
    "an axis that is kept, of none": Known(
        (
            "numel: integer multiplication overflow",
            "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {n}",
        ),
        "In expand(), -1 keeps the size of an axis that is there, and this tensor has too few axes. If it is one "
        "number, of shape (), something before has reduced all axes, as .mean() and .sum() without dim= do.",
    ),
    "sizes that do not broadcast": Known(
        (
            "The size of tensor a ({n}) must match the size of tensor b ({n}) at non-singleton dimension {axis}",
            "The size of tensor a ({n}) must match the size of tensor b ({n}) at dimension {axis}",
            "The expanded size of the tensor ({n}) must match the existing size ({n}) at non-singleton dimension "
            "{axis}.{*}",
            "output with shape [{*}] doesn't match the broadcast shape [{*}]",
            "operands could not be broadcast together with shapes {*}",
            "could not broadcast input array from shape {*} into shape {*}",
            "Value is not broadcastable with batch_shape+event_shape: {*} vs {*}.",
            "shape mismatch: value tensor of shape [{*}] cannot be broadcast to indexing result of shape [{*}]",
            "operands could not be broadcast together with shape {*}",
            "var is of incorrect size",
        ),
        BROADCAST,
    ),
    "a shape of another size": Known(
        (
            "shape '[{*}]' is invalid for input of size {n}",
            "cannot reshape array of size {n} into shape {*}",
            "only one dimension can be inferred",
            "split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension {n}), but "
            "got split_sizes=[{*}]",
        ),
        "A new shape must hold just as many numbers as there are. Print x.shape in the line before: an axis may be "
        "missing, or a row (K + 1, not K). reshape(-1, ...) would silence some of these by mixing rows.",
    ),
    "view of what is not in one piece": Known(
        ("view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
         "contiguous subspaces). Use .reshape(...) instead.",),
        "After a transpose, permute or slice the numbers lie in another order than the shape says. reshape() works, "
        "but first make sure that the axes are in the order in which you want to read them: reshape does not exchange "
        "axes.",
    ),
    "several numbers for one": Known(
        (
            "only one element tensors can be converted to Python scalars",
            "a Tensor with {n} elements cannot be converted to Scalar",
            "only length-1 arrays can be converted to Python scalars",
            "only 0-dimensional arrays can be converted to Python scalars",
        ),
        "Several numbers stand where one is expected. math.exp, math.log and the like take one number; torch.exp, "
        "torch.log and F.softplus take a tensor, and keep its graph. For .item() and float() take the mean or one "
        "entry first; a list of tensors becomes one tensor by torch.stack, which keeps the graph, not by torch.tensor.",
    ),
    "no tensors in the list": Known(
        ("expected Tensor as element {n} in argument {n}, but got {kind}",),
        f"{NOT_A_TENSOR} Dicts are not stacked: go through their names, and stack what stands under each.",
    ),
    "tensors of different shapes in a list": Known(
        (
            "stack expects each tensor to be equal size, but got [{*}] at entry {n} and [{*}] at entry {n}",
            "Sizes of tensors must match except in dimension {axis}. Expected size {n} but got size {n} for tensor "
            "number {n} in the list.",
            "all input arrays must have the same shape",
            "all the input array{*} must {*} same number of dimensions, {*}",
            "all the input array dimensions except for the concatenation axis must match exactly, {*}",
            "zero-dimensional arrays cannot be concatenated",
            "zero-dimensional tensor (at position {n}) cannot be concatenated",
        ),
        "Of the two, torch.stack makes a new axis, for tensors of one shape; torch.cat joins along an axis that is "
        "there, and all "
        f"others must be equal; single numbers are joined by stack. {SHAPES.replace('both', 'all')}",
    ),
    "tensors of different numbers of axes in a list": Known(
        ("Tensors must have same number of dimensions: got {n} and {n}",),
        "Tensors that torch.cat joins, along an axis that is there, all have the same number of axes: give those with "
        "fewer the missing ones, by unsqueeze() or expand(). Their other sizes have to be equal, too, which expand() "
        "sees to where one row is meant for all. torch.stack makes a new axis, for tensors of one shape.",
    ),
    "an empty list": Known(
        (
            "stack expects a non-empty TensorList",
            "expected a non-empty list of Tensors",
            "torch.cat(): expected a non-empty list of Tensors",
            "need at least one array to stack",
            "need at least one array to concatenate",
            "max() arg is an empty sequence",
            "min() arg is an empty sequence",
            "max() iterable argument is empty",
            "min() iterable argument is empty",
            "pop from empty list",
            "Cannot choose from an empty sequence",
            "'a' cannot be empty unless no samples are taken",
            "a cannot be empty unless no samples are taken",
        ),
        "The list is still empty: nothing was appended to it. Is the append inside of the loop and in this function, "
        "and under the same name?",
    ),
    "a product of no matrices": Known(
        ("self must be a matrix", "mat2 must be a matrix"),
        "A product by torch.mm is one of two matrices, and one of these has fewer or more axes: x @ y multiplies "
        "vectors, matrices and batches of these. A product of two vectors, x @ y, is a single number.",
    ),
    "an axis that is not there": Known(
        (
            "Dimension out of range (expected to be in range of [{axis}, {axis}], but got {axis})",
            "axis {axis} is out of bounds for array of dimension {n}",
            "{*}: axis {axis} is out of bounds for array of dimension {n}",
            "axes don't match array",
            "permute(): duplicate dims are not allowed.",
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
            "expand({*}): the number of sizes provided ({n}) must be greater or equal to the number of dimensions in "
            "the tensor ({n})",
            "batch1 must be a 3D tensor",
            "batch2 must be a 3D tensor",
            "1D tensors expected, but got {n}D and {n}D tensors",
            "cdist only supports at least 2D tensors, X{n} got: {n}D",
            "einsum(): more operands were provided than specified in the equation",
            "permute({*}): number of dimensions in the tensor input does not match the length of the desired ordering "
            "of dimensions i.e. input.dim() = {n} is not equal to len(dims) = {n}",
        ),
        f"A tensor in this line has fewer or more axes than the line expects; they are counted from 0, or from -1 at "
        f"the end. {AXES}",
        also=("AxisError",),
    ),
    "an index behind the end": Known(
        (
            "index {axis} is out of bounds for dimension {n} with size {n}",
            "index {axis} is out of bounds for axis {n} with size {n}",
            "index out of range in self",
            "list index out of range",
            "tuple index out of range",
        ),
        "There are fewer entries than this line expects; they are counted from 0, so the last of n has the number n - "
        "1. Is the number one too large, or what is indexed too short? Where the number is one of classes or drawings: "
        "none is fixed, take it from the shape of what is indexed.",
    ),
    "a label that is no class": Known(
        (
            "Target {axis} is out of bounds.",
            "Class values must be smaller than num_classes.",
            "Class values must be non-negative.",
        ),
        "A label is as large as the number of classes, or larger. For logits (n, N) the labels are 0 .. N-1: is axis 1 "
        "of the logits the one of the classes, and are these the labels of this task?",
    ),
    "logits and labels of different length": Known(
        (
            "Expected input batch_size ({n}) to match target batch_size ({n}).",
            "Expected target size [{*}], got [{*}]",
            "Expected target size {*}, got {*}",
        ),
        "A cross entropy needs a label for each row of logits. Are both of the same set, support or query? Logits of "
        "more than two axes have their classes in axis 1: flatten those to (n, N), and the labels to (n,) with them.",
    ),
    "more indices than axes": Known(
        (
            "too many indices for tensor of dimension {n}",
            "too many indices for array: array is {n}-dimensional, but {n} were indexed",
        ),
        f"The tensor has fewer axes than there are indices. {AXES}",
    ),
    "no axis at all": Known(
        (
            "iteration over a 0-d tensor",
            "len() of a 0-d tensor",
            "invalid index of a 0-dim tensor.{*}",
            "cannot unpack non-iterable float object",
            "cannot unpack non-iterable int object",
            "cannot unpack non-iterable bool object",
        ),
        f"A single value stands where several are expected. {COUNTS}",
    ),
    "a mask of another length": Known(
        (
            "The shape of the mask [{*}] at index {n} does not match the shape of the indexed tensor [{*}] at index "
            "{n}",
            "boolean index did not match indexed array along axis {n}; size of axis is {n} but size of corresponding "
            "boolean axis is {n}",
        ),
        "A mask chooses along the axis on which it lies, and must be as long: were its labels those of another set?",
    ),
    "an index of another shape": Known(
        (
            "Index tensor must have the same number of dimensions as input tensor",
            "Index tensor must have the same number of dimensions as self tensor",
            "`indices` and `arr` must have the same number of dimensions",
        ),
        "Both gather and scatter take one index for each number, so the index has as many axes as the tensor, and with "
        "scatter_add the shape of what is added: labels.unsqueeze(-1).expand_as(x) for labels of the rows of x. "
        "For whole rows there are x[labels], which reads, and index_add(0, labels, x), which adds: these take the "
        "labels as they are.",
    ),
    "a convolution of other channels": Known(
        ("Given groups={n}, weight of size {*}, expected input{*} to have {n} channels, but got {n} channels instead",),
        "Images are (n, channels, height, width), and drawings have one channel. Print images.shape in the line "
        "before: two axes may be exchanged or joined.",
    ),
    "a convolution of no images": Known(
        ("Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [{*}]",),
        "Images are (n, channels, height, width). Print images.shape in the line before: one axis may be missing, or "
        "several flattened; unsqueeze(1) adds the one channel.",
    ),
    "an image that is too small": Known(
        (
            "Calculated padded input size per channel: {*}. Kernel size: {*}. Kernel size can't be greater than actual "
            "input size",
            "Given input size: {*}. Calculated output size: {*}. Output size is too small",
        ),
        "Nothing is left of the image after so many layers: is the last pair of axes height and width?",
    ),
    "batch normalisation of one value": Known(
        ("Expected more than 1 value per channel when training, got input size torch.Size([{*}])",),
        "Batch normalisation needs several drawings in one pass, for it takes mean and deviation of them: embed a set "
        "all at once, not drawing by drawing. eval() would silence this, and use other statistics.",
    ),
    "a sequence of other features": Known(
        (
            "input.size(-1) must be equal to input_size. Expected {n}, got {n}",
            "RNN: Expected input.size(-1) must be equal to input_size. Expected {n}, got {n}",
        ),
        "The last axis of an LSTM's input holds the features of one step: here all parts of a step together, joined "
        "by torch.cat(..., dim=-1). Print the shape in the line before.",
    ),
    "a sequence of other axes": Known(
        (
            "LSTM: Expected input to be 2D or 3D, got {n}D instead",
            "LSTM: Expected input to be 2-D or 3-D but received {n}-D tensor",
        ),
        "An LSTM made with batch_first=True reads (batch, steps, features), three axes: join the axes that are steps "
        "by reshape, in the order in which the steps are to be read.",
    ),
    "a hidden state of other axes": Known(
        (
            "For batched 3-D input, hx and cx should also be 3-D but got ({n}-D, {n}-D) tensors",
            "For unbatched 2-D input, hx and cx should also be 2-D but got ({n}-D, {n}-D) tensors",
            "Expected hidden[{n}] size {*}, got {*}",
        ),
        "A hidden state is (layers, batch, hidden), with the batch second whatever batch_first says. Without one the "
        "LSTM starts from zeros, as a new sequence does.",
    ),
    "rows of different length": Known(
        (
            "expected sequence of length {n} at dim {n} (got {n})",
            "setting an array element with a sequence. The requested array has an inhomogeneous shape after {*}",
        ),
        "The lists in the list are of different length, so they make no array. Is one value appended too often or "
        "too rarely in one of them?",
    ),
    "columns of two sets": Known(
        ("X1 and X2 must have the same number of columns. X1: {n} X2: {n}",),
        f"Distances are between rows with the same number of features. {SHAPES}",
    ),
    "a distribution that does not exist": Known(
        (
            "Expected parameter {*} of distribution {*} to satisfy the constraint {*}, but found invalid values:",
            "normal expects all elements of std >= 0.0",
            "var has negative entry/entries",
        ),
        "A distribution was made with a parameter that it cannot have: a deviation of 0 or below, or NaN. What makes "
        "sure that it is positive, and is it a deviation and not its logarithm?",
    ),
    # Devices
    "no GPU here": Known(
        ("Torch not compiled with CUDA enabled", "Found no NVIDIA driver on your system.{*}"),
        "There is no GPU here. Take the device from what you are given, as in x.to(self.device) or "
        "torch.zeros(n, device=x.device), and write .cuda() nowhere.",
        elsewhere=False,
        also=("AssertionError",),
    ),
    "two devices": Known(
        (
            "Expected all tensors to be on the same device, but found at least two devices, {*}",
            "Expected all tensors to be on the same device, but got {*}",
            "Expected object of device type {*} but got device type {*}",
            "Tensor on device {*} is not on the expected device {*}!",
        ),
        "One tensor is on the GPU and another is not. Make new ones where the given ones are: device=x.device.",
    ),
    "NumPy on a tensor of the GPU": Known(
        ("can't convert {*} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.",),
        "NumPy cannot read the GPU's memory. Compute with torch; .cpu() is right only for a number that is reported.",
    ),
    # None, and other values than tensors
    "nothing where something is needed": Known(
        (
            "'NoneType' object has no attribute '{*}'",
            "'NoneType' object is not {*}",
            "'NoneType' object does not support item assignment",
            "cannot unpack non-iterable NoneType object",
            "object of type 'NoneType' has no len()",
            "unsupported operand type(s) for {*}: 'NoneType' and '{kind}'",
            "unsupported operand type(s) for {*}: '{kind}' and 'NoneType'",
            "unsupported operand type(s) for {*}: 'NoneType' and '{*}'",
            "unsupported operand type(s) for {*}: '{*}' and 'NoneType'",
            "'{*}' not supported between instances of 'NoneType' and '{*}'",
            "'{*}' not supported between instances of '{*}' and 'NoneType'",
            "{*}(): argument '{*}' (position {n}) must be {*}, not NoneType",
            "Could not infer dtype of NoneType",
            "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'",
            "float() argument must be a string or a real number, not 'NoneType'",
            "must be real number, not NoneType",
        ),
        NOTHING,
        also=("AttributeError",),
    ),
    "one of several values": Known(
        (
            "'tuple' object has no attribute '{*}'",
            "{*}(): argument '{*}' (position {n}) must be {*}, not tuple",
            'can only concatenate tuple (not "{*}") to tuple',
        ),
        "A function returned several values, and they were taken as one: give each a name, as in outputs, state = "
        "layer(x). x.max(dim=...) returns values and indices. A comma at the end of a line makes a tuple, too.",
        also=("AttributeError",),
    ),
    "too few or too many values": Known(
        (
            "not enough values to unpack (expected {n}, got {n})",
            "too many values to unpack (expected {n})",
            "too many values to unpack (expected {n}, got {n})",
        ),
        f"{COUNTS} A tensor is taken apart along its first axis, a dict into its keys; x.split(n) makes pieces of n "
        "rows, and x.split([n, m]) one of n and one of m.",
    ),
    "an array of NumPy's for a tensor": Known(
        (
            "'numpy.ndarray' object has no attribute '{*}'",
            "{*}(): argument '{*}' (position {n}) must be {*}, not numpy.ndarray",
            "{*}() received an invalid combination of arguments - got ({*}numpy.ndarray{*}), but expected one of:",
        ),
        "An array of NumPy's stands where a tensor is needed, and has no graph. Compute with torch from the beginning: "
        "torch.from_numpy in this line would silence the message, and no gradient would flow.",
        also=("AttributeError",),
    ),
    "a number for a tensor": Known(
        (
            "'float' object has no attribute '{*}'",
            "'int' object has no attribute '{*}'",
            "'bool' object has no attribute '{*}'",
            "'numpy.float64' object has no attribute '{*}'",
            "'numpy.float32' object has no attribute '{*}'",
            "'list' object has no attribute '{*}'",
            "all inputs have to be Tensors or GradientEdges, but got {kind}",
            "{*}(): argument '{*}' (position {n}) must be Tensor, not {kind}",
            "{*}(): argument '{*}' (position {n}) must be tuple of Tensors, not {kind}",
            "optimizer can only optimize Tensors, but one of the params is {kind}",
            "The value argument to log_prob must be a Tensor",
        ),
        NOT_A_TENSOR,
        also=("AttributeError",),
    ),
    "a number for several values": Known(
        (
            "'float' object is not iterable",
            "'int' object is not iterable",
            "'int' object is not subscriptable",
            "'float' object is not subscriptable",
            "object of type 'int' has no len()",
            "object of type 'float' has no len()",
        ),
        "One number stands where several values are expected, such as a list, a range (range(n), not n) or a tensor. "
        "Compare the arguments of the call with the docstring of what is called. If it was a tensor before .item(), "
        "int() or float(), it has lost its graph there, too.",
    ),
    "a list that is computed with": Known(
        (
            "unsupported operand type(s) for {*}: '{*}' and 'list'",
            "unsupported operand type(s) for {*}: 'list' and '{*}'",
            "unsupported operand type(s) for {*}: '{*}' and 'tuple'",
            "unsupported operand type(s) for {*}: 'tuple' and '{*}'",
            "unsupported operand type(s) for {*}: '{*}' and 'dict'",
            "unsupported operand type(s) for {*}: 'dict' and '{*}'",
            'can only concatenate list (not "{*}") to list',
            "can't multiply sequence by non-int of type '{*}'",
            "only integer tensors of a single element can be converted to an index",
            "int() argument must be a string, a bytes-like object or a real number, not 'list'",
            "float() argument must be a string or a real number, not 'list'",
        ),
        "A list, tuple, dict or text cannot be computed with: go through it entry by entry (of a dict by .values(), as "
        "the dict itself gives its names), or make one tensor of it by torch.stack first. Gradients come as a tuple, "
        "one for each tensor of a list; newer versions of PyTorch return a dict of them where they are given one.",
    ),
    "many truths for one": Known(
        (
            "Boolean value of Tensor with more than one value is ambiguous",
            "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()",
        ),
        "One truth is needed by if, while, and, or, not and `in`, and a comparison of tensors gives one for each "
        "entry. Choose entries by a mask, as in x[labels == k]. all() or any() make one of them, rarely what is meant "
        "here.",
    ),
    "a NumPy function on a tensor": Known(
        (
            "{*}() got an unexpected keyword argument 'axis'",
            "{*}() received an invalid combination of arguments - got ({*}out=NoneType{*}), but expected one of:",
        ),
        "A function of NumPy's was called with a tensor: call torch's of the same name, with dim for axis.",
    ),
    "a value that is called": Known(
        ("'{kind}' object is not callable",),
        "A value is called as if it were a function: a * or a comma may be missing before the bracket, .shape needs no "
        "brackets, or a name of a function was given to a value.",
        elsewhere=False,
    ),
    "a function that is not called": Known(
        (
            "'builtin_function_or_method' object {*}",
            "'method' object {*}",
            "'function' object {*}",
            "unsupported operand type(s) for {*}: 'builtin_function_or_method' and '{*}'",
            "unsupported operand type(s) for {*}: '{*}' and 'builtin_function_or_method'",
            "unsupported operand type(s) for {*}: 'method' and '{*}'",
        ),
        "The brackets of a call are missing, as in x.mean for x.mean().",
        elsewhere=False,
        also=("AttributeError",),
    ),
    "a tensor for a parameter": Known(
        (
            "cannot assign '{*}' as parameter '{*}' (torch.nn.Parameter or None expected)",
            "cannot assign '{*}' object to parameter '{*}' (torch.nn.Parameter or None required)",
        ),
        "A module's parameter can only be replaced by another nn.Parameter, which is a new leaf: no gradient flows "
        "through that. First values are written into the one that is there, as by nn.init.zeros_(weight). If the "
        "module's own parameters are to change, as in an optimizer's step, torch.optim.SGD does it, or weight -= rate "
        "* gradient under torch.no_grad(). If a gradient is to flow through the step, keep adapted parameters in a "
        "dict of tensors, and hand them to the functions of torch.nn.functional.",
    ),
    "an attribute that is not there": Known(
        ("'{kind}' object has no attribute '{*}'", "'{*}' object has no attribute '{*}'"),
        "There is no attribute or method of this name: is it misspelt, or is this another object than you "
        "think? print(type(x)) in the line before tells.",
        also=("AttributeError",),
    ),
    # Python
    "a name that nothing has": Known(
        (
            "name '{*}' is not defined",
            "name '{*}' is not defined. Did you mean: '{*}'?",
            "cannot access local variable '{*}' where it is not associated with a value",
            "local variable '{*}' referenced before assignment",
            "cannot access free variable '{*}' where it is not associated with a value in enclosing scope",
        ),
        "No value has been given to a name in this line before it is used: it is misspelt, belongs to another function "
        "or to self, or is set only in a branch or a loop that did not run.",
        elsewhere=False,
        also=("NameError", "UnboundLocalError"),
    ),
    "a name that a module does not have": Known(
        ("module '{*}' has no attribute '{*}'", "cannot import name '{*}' from '{*}'{*}"),
        "The module has nothing of this name: it is misspelt, or of another version.",
        elsewhere=False,
        also=("AttributeError", "ImportError"),
    ),
    "arguments that do not fit": Known(
        (
            "{*}() missing {n} required positional argument: {*}",
            "{*}() missing {n} required positional arguments: {*}",
            "{*}() takes {*} positional argument but {n} were given",
            "{*}() takes {*} positional arguments but {n} were given",
            "{*}() takes {*} positional arguments but {n} was given",
            "{*}() got an unexpected keyword argument '{*}'",
            "{*}() got multiple values for argument '{*}'",
        ),
        "The call does not fit what is after `def`, in number, order or names of the arguments. Methods of the same "
        "object are called with self. before the name, and self is not among the arguments then.",
        elsewhere=False,
    ),
    "arguments that torch does not take": Known(
        ("{*}() received an invalid combination of arguments - got ({*}), but expected one of:",),
        "The function takes other arguments than these, in kind or in name: read its page in torch's documentation.",
    ),
    "an argument of another kind": Known(
        (
            "{*}(): argument '{*}' (position {n}) must be {*}, not {kind}",
            "'{kind}' object cannot be interpreted as an integer",
        ),
        "The function needs another kind of value here. For sizes and counts: whole numbers, by // instead of /, or by "
        "int(x.max()) of a tensor.",
    ),
    "calls without end": Known(
        ("maximum recursion depth exceeded{*}",),
        "A function calls itself, directly or through another one, and never ends: does a method have the name of the "
        "function that it wanted to call?",
        elsewhere=False,
        also=("RecursionError",),
    ),
    "nothing to divide by": Known(
        ("division by zero", "float division by zero", "integer division or modulo by zero"),
        "The divisor is 0: an empty list, or a counter that was not counted up?",
        also=("ZeroDivisionError",),
    ),
    "lists of different length": Known(
        (
            "zip() argument {n} is longer than argument {*}",
            "zip() argument {n} is shorter than argument {*}",
        ),
        "What is gone through together has not as many entries: parameters, rates and gradients, one for each name?",
    ),
    "a text among numbers": Known(
        (
            "unsupported operand type(s) for {*}: '{*}' and 'str'",
            "unsupported operand type(s) for {*}: 'str' and '{*}'",
            'can only concatenate str (not "{kind}") to str',
            "could not convert string to float: {*}",
            "invalid literal for int() with base 10: {*}",
            "new(): invalid data type 'str'",
            "ufunc '{*}' did not contain a loop with signature matching types {*}",
        ),
        "A text stands where a number or an array is needed: a path, say, in the place of the drawing that is read "
        "from it, or a key in the place of the value of a dict.",
        also=("UFuncTypeError", "_UFuncNoLoopError"),
    ),
    "a dict that is indexed by place": Known(
        ("'dict_items' object is not subscriptable", "'dict_keys' object is not subscriptable",
         "'dict_values' object is not subscriptable"),
        "What .items(), .keys() and .values() return has no numbered entries: go through it, or make a list of it.",
        elsewhere=False,
    ),
    "a key that can be changed": Known(
        ("unhashable type: 'list'", "unhashable type: '{kind}'", "unhashable type: 'numpy.ndarray'"),
        "A list or an array stands where a key of a dict or an element of a set is needed: those are texts, numbers "
        "and tuples. For an entry of an array this may be one bracket too many.",
    ),
    "something to draw from": Known(
        (
            "Population must be a sequence.  For dicts or sets, use sorted(d).",
            "a must be 1-dimensional",
            "a must be an integer or 1-dimensional",
            "x must be an integer or at least 1-dimensional",
            "'tuple' object does not support item assignment",
            "'range' object does not support item assignment",
        ),
        "Python's random draws from lists and tuples, and shuffles lists only; NumPy's draws from a number or an array "
        "of one axis. list(x) makes a list, and of what has more axes draw the indices.",
        elsewhere=False,
    ),
    "sizes that are no tuple": Known(
        ("Cannot interpret '{n}' as a data type",),
        "NumPy takes a shape as one tuple, np.zeros((2, 3)), with brackets of its own; a second number is taken for "
        "the kind of numbers.",
        elsewhere=False,
    ),
    "arrays that are no list": Known(
        ("only integer scalar arrays can be converted to a scalar index",),
        "Arrays to be joined are given as one list, np.concatenate([a, b]), as the second argument is the axis. A list "
        "is indexed by one integer, and not by an array: make an array of the list first.",
    ),
    "several numbers in one place": Known(
        (
            "setting an array element with a sequence.",
            "can't assign a list to a torch.{*}Tensor",
        ),
        "An array or a list is written into a place for less. Compare the shape of x[...] on the left with that on the "
        "right: is there an index too many, or is a whole drawing put where one number belongs?",
    ),
    "what integers cannot": Known(
        ("\"{*}\" not implemented for '{type}'",),
        "This is computed with floating-point numbers only, and was given integers or booleans: were labels given in "
        "the place of logits? Numbers that are to be computed with become floats by .float().",
        also=("NotImplementedError",),
    ),
    "a minus for booleans": Known(
        (
            "Subtraction, the `-` operator, with two bool tensors is not supported. {*}",
            "Negation, the `-` operator, on a bool tensor is not supported. {*}",
        ),
        "Comparisons give booleans, and these have no minus: (a == b).float() can be computed with, ~mask is the "
        "opposite of a mask.",
    ),
    "a condition of numbers": Known(
        ("where expected condition to be a boolean tensor, but got a tensor with dtype {type}",),
        "The first argument of torch.where is a condition, as x > 0, and the other two are what it chooses from.",
    ),
    "layers in a list": Known(
        ("{*} is not a Module subclass",),
        "Layers are given to nn.Sequential one by one, not in a list: nn.Sequential(*layers).",
        elsewhere=False,
    ),
    "sizes that are no integers": Known(
        (
            "{*}(): argument '{*}' failed to unpack the object at pos {n} with error \"type must be tuple of ints,but "
            "got {kind}\"",
            "{*}(): argument '{*}' (position {n}) must be tuple of ints, but found element of type {kind} at pos {n}",
        ),
        "Sizes are whole numbers: // instead of /, or int(...) of a number that came out as a float.",
    ),
    "a probability above 1": Known(
        ("all elements of input should be between 0 and 1",),
        "A binary cross entropy takes probabilities, and was given logits. For N classes F.cross_entropy takes the "
        "logits themselves.",
    ),
    "NumPy on an array and a tensor": Known(
        ("Concatenation operation is not implemented for NumPy arrays, {*}", "expected np.ndarray (got {kind})"),
        "Arrays of NumPy's and tensors are mixed in this line. Make all of it tensors, where they are made, or all "
        "arrays.",
    ),
    "a sample that is too large": Known(
        (
            "Sample larger than population or is negative",
            "Cannot take a larger sample than population when 'replace=False'",
            "Cannot take a larger sample than population when replace is False",
        ),
        "More is drawn without replacement than there is. What is drawn from, and how many are asked for? Drawing with "
        "replacement would silence this and give the same one twice.",
    ),
}  # fmt: skip
RAISED = {*MOSTLY, *(error for known in MESSAGES.values() for error in known.also)}
