"""benchmarks/batched.py: all tasks of a batch at once, against the reference solutions' own loops, in doubles."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

import benchmarks.batched
from autograder.exercises.maml import solution as maml_solution
from autograder.exercises.maml.solution import MAML
from autograder.exercises.protonet.solution import ProtoNet
from benchmarks.batched import BatchedMAML, BatchedNetwork, CannotBatchError
from hw2.omniglot import Tasks

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture(autouse=True)
def same_threads():
    """BatchedMAML takes PyTorch's threads for its own."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def batch(count, way=4, shot=2, query=3):
    rng = np.random.default_rng(5)
    drawings = {str(i): (rng.random((20, 28, 28)) < 0.2).astype(np.uint8) for i in range(12)}
    return [
        (support.double(), labels_support, queries.double(), labels_query)
        for support, labels_support, queries, labels_query in Tasks(drawings, way, shot, query).sample(rng, count)
    ]


def maml(steps, learn_rates, way=4, number_type=torch.float64):
    """A reference MAML in double precision, each parameter with an inner learning rate of its own."""
    torch.manual_seed(3)
    method = MAML(way, steps, 0.3, learn_rates, 1e-3, None)
    theta = {name: tensor.detach().to(number_type) for name, tensor in method._meta_parameters.items()}
    rates = {name: torch.tensor(0.1 + 0.02 * i, dtype=number_type) for i, name in enumerate(theta)}
    method._meta_parameters = {name: tensor.requires_grad_() for name, tensor in theta.items()}
    method._inner_lrs = {name: rate.requires_grad_(learn_rates) for name, rate in rates.items()}
    learned = [*theta.values(), *(rates.values() if learn_rates else [])]
    method._optimizer = torch.optim.Adam(learned, 1e-3)
    return method, learned


def assert_same(got, expected):
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


@pytest.mark.parametrize("second_order", [True, False])
@pytest.mark.parametrize(("steps", "learn_rates", "count"), [(1, False, 4), (3, True, 6), (2, False, 9), (0, False, 2)])
def test_loss_accuracies_and_meta_gradients_are_those_of_the_loop(steps, learn_rates, count, second_order):
    method, learned = maml(steps, learn_rates)
    tasks = batch(count)
    expected_loss, *expected_accuracies = method._outer_step(tasks, second_order)
    expected = torch.autograd.grad(expected_loss, learned, allow_unused=True)
    assert any(gradient.abs().max() > 1e-3 for gradient in expected if gradient is not None)
    loss, *accuracies = BatchedMAML(method).outer_step(tasks, True, second_order)
    assert_same([loss], [expected_loss])
    assert accuracies[0] == pytest.approx(expected_accuracies[0]) and len(accuracies[0]) == steps + 1
    assert accuracies[1] == pytest.approx(expected_accuracies[1])
    loss.backward()
    for tensor, gradient in zip(learned, expected, strict=True):
        assert (tensor.grad is None) == (gradient is None)
        if gradient is not None:
            assert_same([tensor.grad], [gradient])


def test_ten_updates_by_adam_end_at_the_same_parameters():
    (looped, expected), (batched, got) = maml(1, True), maml(1, True)
    at_once = BatchedMAML(batched)
    for _ in range(10):
        for method, step in ((looped, looped._outer_step), (batched, at_once.outer_step)):
            method._optimizer.zero_grad()
            step(batch(5), True)[0].backward()
            # Batch normalisation makes the gradients of these biases zero but for rounding, which Adam would blow up.
            for name in ("b0", "b1", "b2", "b3"):
                method._meta_parameters[name].grad.zero_()
            method._optimizer.step()
    assert_same(got, expected)


def test_without_training_no_gradient_is_made_and_the_numbers_are_the_same():
    method, learned = maml(2, False)
    loss, *accuracies = BatchedMAML(method).outer_step(batch(6), False)
    expected_loss, *expected_accuracies = method._outer_step(batch(6), False)
    assert not loss.requires_grad
    assert_same([loss], [expected_loss.detach()])
    assert accuracies[0] == pytest.approx(expected_accuracies[0])
    assert all(tensor.grad is None for tensor in learned)


def test_the_maml_itself_stays_as_it_is():
    method, learned = maml(2, True)
    before = copy.deepcopy(learned)
    BatchedMAML(method).outer_step(batch(3), True)
    assert_same(learned, before)
    assert method._forward.__func__ is MAML._forward


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("F.cross_entropy(logits, labels)", 'F.cross_entropy(logits, labels, reduction="sum")'),
        ("self._inner_lrs[name] * gradient", "0.3 * gradient"),
        ("stride=2, padding", "stride=1, padding"),
    ],
)
def test_a_solution_that_it_cannot_batch_is_refused(right, wrong):
    text = Path(maml_solution.__file__).read_text(encoding="utf-8")
    assert right in text
    names = {"__name__": "student"}
    exec(compile(text.replace(right, wrong), "maml.py", "exec"), names)
    method, _ = maml(1, False)
    method.__class__ = names["MAML"]
    with pytest.raises(CannotBatchError, match="--batched computes another outer loss"):
        BatchedMAML(method).outer_step(batch(4), True)


def protonet():
    torch.manual_seed(3)
    method = ProtoNet(1e-3, None)
    method._network.double()
    return method


@pytest.mark.parametrize("images_at_once", [1024, 8, 1])
@pytest.mark.parametrize("train", [True, False])
def test_a_prototypical_network_gives_the_numbers_of_its_loop(train, images_at_once, monkeypatch):
    monkeypatch.setattr(benchmarks.batched, "IMAGES_AT_ONCE", images_at_once)
    looped, batched = protonet(), protonet()
    for method in (looped, batched):
        method._network.train(train)
    loss, *accuracies = BatchedNetwork(batched).step(batch(3))
    expected_loss, *expected_accuracies = looped._step(batch(3))
    assert_same([loss], [expected_loss])
    assert accuracies == pytest.approx(expected_accuracies)
    loss.backward()
    expected_loss.backward()
    assert_same(
        [tensor.grad for tensor in batched._network.parameters()], [t.grad for t in looped._network.parameters()]
    )
    # The running statistics too, which validation and test use.
    assert_same(list(batched._network.buffers()), list(looped._network.buffers()))


def test_a_step_that_embeds_its_own_way_still_gives_its_own_numbers():
    looped, batched = protonet(), protonet()

    def step(self, tasks):
        return self._network(torch.cat([tasks[0][0], tasks[0][2]])).sum(), 0.0, 0.0

    for method in (looped, batched):
        method._network.eval()
        method.__class__ = type("Student", (ProtoNet,), {"_step": step})
    assert_same([BatchedNetwork(batched).step(batch(2))[0]], [looped._step(batch(2))[0]])
