"""benchmarks/gpu.py, without a GPU: its formulas are the references', and its runs are hw2.train's."""

import json
import math
import time

import numpy as np
import pytest
import torch

from autograder.exercises.maml import solution as maml_solution
from autograder.exercises.maml.learner import MAMLLearner
from autograder.exercises.protonet.solution import ProtoNet
from benchmarks import gpu, gpu_runs, gpu_speed, results
from benchmarks.gpu_runs import MAMLJob, Options, ProtoNetJob, Training
from benchmarks.gpu_steps import (
    Episodes,
    adam,
    cut,
    first_windows,
    from_matrices,
    fused,
    maml_loss,
    maml_shapes,
    maml_step,
    protonet_loss,
    to_matrices,
)
from benchmarks.recipes import RECIPES
from hw2.omniglot import Tasks, turned
from trainer import Recipe, checkpoint

CLOSE = {"rtol": 1e-8, "atol": 1e-10}
SMALL = "maml --num-way 3 --num-query 2 --num-tasks 2 --num-filters 4 --rotations --num-iterations 75 --val-interval 25"


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(maml_solution, "NUM_HIDDEN_CHANNELS", 6)
    monkeypatch.setitem(RECIPES, "small", Recipe(SMALL, 0.5, "nobody", test="--num-inner-steps 2"))
    monkeypatch.setattr(gpu_runs, "TEST_TASKS", 40)
    yield
    torch.set_num_threads(threads)


def drawn(count):
    rng = np.random.default_rng(5)
    return {f"a/{i}": (rng.random((20, 28, 28)) < 0.2).astype(np.uint8) for i in range(count)}


def a_batch(count, way=4, shots=2, queries=3):
    """The same tasks as the references take them, and as drawings (tasks, n, 28, 28) in the order of their classes."""
    tasks = Tasks(drawn(12), way, shots, queries).sample(np.random.default_rng(1), count)
    tasks = [(x.double(), labels, y.double(), of_query) for x, labels, y, of_query in tasks]
    support = torch.stack([x[labels.argsort(stable=True)].squeeze(1) for x, labels, _, _ in tasks])
    return tasks, support, torch.stack([y[labels.argsort(stable=True)].squeeze(1) for _, _, y, labels in tasks])


@pytest.mark.parametrize(("steps", "second_order"), [(1, True), (3, True), (2, False)])
def test_losses_and_meta_gradients_of_two_runs_are_the_references(steps, second_order):
    tasks, support, query = a_batch(3)
    shapes, alphas = maml_shapes(6, 4), (0.4, 0.1)
    thetas, expected = [], []
    for seed, alpha in enumerate(alphas):
        torch.manual_seed(seed)
        maml = maml_solution.MAML(4, steps, alpha, False, 1e-3, None)
        theta = {name: tensor.detach().double() for name, tensor in maml._meta_parameters.items()}
        maml._meta_parameters = {name: tensor.requires_grad_() for name, tensor in theta.items()}
        loss, _, accuracy = maml._outer_step(tasks, second_order)
        expected.append(
            (loss.detach(), accuracy, dict(zip(theta, torch.autograd.grad(loss, [*theta.values()]), strict=True)))
        )
        thetas.append(torch.cat([tensor.detach().flatten() for tensor in to_matrices(theta).values()]))
    leaf = torch.stack(thetas).requires_grad_()
    windows = [first_windows(part.repeat(2, 1, 1, 1)) for part in (support, query)]
    losses, accuracies = maml_loss(leaf, shapes, *windows, torch.tensor(alphas).double(), 4, steps, second_order)
    (gradients,) = torch.autograd.grad(losses.sum(), leaf)
    for i, (loss, accuracy, gradient) in enumerate(expected):
        torch.testing.assert_close(losses[i].detach(), loss, **CLOSE)
        assert accuracies[i].mean().item() == pytest.approx(accuracy)
        for name, got in from_matrices(cut(gradients[i], shapes)).items():
            torch.testing.assert_close(got, gradient[name], **CLOSE)


def test_a_prototypical_network_has_the_references_loss_gradient_and_statistics():
    ((task,), support, query) = a_batch(1)
    torch.manual_seed(3)
    method = ProtoNet(1e-3, None)
    method._network.double()
    for name, tensor in method._network.named_parameters():
        if name.endswith(".bias"):  # of a convolution: zero here
            torch.nn.init.zeros_(tensor) if int(name.split(".")[1]) % 4 == 0 else torch.nn.init.normal_(tensor)
    loss, _, accuracy = method._step([task])
    loss.backward()
    flat = torch.cat([tensor.detach().flatten() for tensor in ProtoNetJob.named(method._network.state_dict()).values()])
    leaf = flat.requires_grad_()
    before = torch.tensor([0.0, 1.0]).double().repeat(4)[:, None].repeat(1, 64)
    got_loss, got_accuracy, running = protonet_loss(leaf, before, support[0], query[0], 4)
    (gradient,) = torch.autograd.grad(got_loss, leaf)
    expected = ProtoNetJob.named({name: tensor.grad for name, tensor in method._network.named_parameters()})
    torch.testing.assert_close(got_loss.detach(), loss.detach(), **CLOSE)
    assert got_accuracy.item() == pytest.approx(accuracy)
    torch.testing.assert_close(gradient, torch.cat([tensor.flatten() for tensor in expected.values()]), **CLOSE)
    for name, buffer in method._network.named_buffers():
        if "running" in name:
            row = 2 * (int(name.split(".")[1]) // 4) + name.endswith("var")
            torch.testing.assert_close(running[row], buffer, **CLOSE)


def test_adam_is_pytorchs():
    torch.manual_seed(0)
    theta = torch.randn(5, dtype=torch.float64)
    expected = theta.clone().requires_grad_()
    optimizer = torch.optim.Adam([expected], 0.01)
    state = [theta, torch.zeros_like(theta), torch.zeros_like(theta), torch.zeros(1, dtype=torch.float64)]
    for _ in range(4):
        expected.grad = torch.randn_like(theta)
        state = list(adam(state[0], expected.grad, *state[1:], 0.01))
        optimizer.step()
    torch.testing.assert_close(state[0], expected.detach(), **CLOSE)


def test_a_traced_step_is_the_step(monkeypatch):
    import torch._inductor

    monkeypatch.setattr(torch._inductor, "compile", lambda graph, example: graph)  # its compiler takes a minute
    shapes = maml_shapes(6, 4)
    theta = 0.1 * torch.randn(2, sum(math.prod(shape) for shape in shapes.values()))
    pixels = torch.from_numpy(np.concatenate(list(drawn(12).values())))
    rows = torch.randint(len(pixels), (2, 6, 8))
    state = [theta, torch.zeros_like(theta), torch.zeros_like(theta), torch.zeros(1)]
    step, inputs = maml_step(shapes, 4, 2, True, 1e-3), [*state, pixels, *rows, torch.tensor([0.4, 0.1])]
    for got, expected in zip(fused(step, inputs)(*inputs), step(*inputs), strict=True):
        torch.testing.assert_close(got, expected)


def test_episodes_have_different_classes_and_drawings_and_are_the_same_wherever_training_began():
    drawings = turned(drawn(6))
    settings = {"num_way": 5, "num_support": 2, "num_query": 3, "num_tasks": 4}
    episodes = Episodes(drawings, settings, "cpu")
    support, query = episodes.draw(seed=1, block=7)
    assert support.shape == (25, 4, 10) and query.shape == (25, 4, 15)
    both = torch.cat([support.unflatten(-1, (5, 2)), query.unflatten(-1, (5, 3))], dim=-1)
    classes = both // 20
    assert (classes == classes[..., :1]).all(), "drawings of a class are one character's, in support and query"
    assert all(len(set(task.flatten().tolist())) == 25 for task in both.flatten(0, 1)), "no drawing is there twice"
    assert all(len(set(task.tolist())) == 5 for task in classes[..., 0].flatten(0, 1))
    np.testing.assert_array_equal(episodes.pixels[20 * 5 + 3], list(drawings.values())[5][3])
    again, other = episodes.draw(seed=1, block=7)[0], episodes.draw(seed=1, block=8)[0]
    assert (again == support).all() and (other != support).any()


class Pipe:
    def __init__(self):
        self.sent = []

    def send(self, what):
        self.sent.append(what)

    def recv(self):
        return "go"


def options(tmp_path, logs, seconds=math.inf, **replaced):
    packed = tmp_path / "packed.npz"
    names, bits = zip(
        *((name, np.packbits(array.reshape(20, -1), axis=1)) for name, array in drawn(60).items()), strict=True
    )
    np.savez(packed, names=np.array(names), bits=np.stack(bits))
    return Options(packed, logs, time.time() + seconds, "cpu", fuse=False, test=True, replaced=replaced)


def test_a_run_that_was_cut_short_goes_on_as_if_it_had_not_been(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    Training("small:0,1", options(tmp_path, whole), Pipe()).go(math.inf)
    first = Training("small:0,1", options(tmp_path, parts, seconds=-1), Pipe()).go(math.inf)
    assert (first["iterations"], first["of"]) == (25, 75)
    pipe = Pipe()
    training = Training("small:0,1", options(tmp_path, parts), pipe)
    assert training.done == 25 and training.go(math.inf)["iterations"] == 75
    for seed in (0, 1):
        one, other = (folder / f"small.seed_{seed}" for folder in (whole, parts))
        assert (one / "log.csv").read_text() == (other / "log.csv").read_text()
        results = [json.loads((folder / "best.test.num_inner_steps_2.json").read_text()) for folder in (one, other)]
        assert results[0]["accuracy"] == results[1]["accuracy"] and results[0]["tasks"] == 40
        assert f"small, seed {seed}: {results[0]['accuracy']:.4f}" in str(pipe.sent)


def test_the_reference_takes_a_checkpoint_over_and_has_the_same_accuracy(tmp_path):
    training = Training("small:3", options(tmp_path, tmp_path / "logs", num_iterations=25), Pipe())
    training.go(math.inf)
    _, settings, _ = gpu_runs.settings_of("small", 3, test=True)
    maml_solution.NUM_HIDDEN_CHANNELS = 4
    learner = MAMLLearner(maml_solution.MAML(3, 2, 0.4, False, 1e-3, None), 3)
    checkpoint.load(tmp_path / "logs/small.seed_3/best.safetensors", learner)
    tasks = gpu_runs.tasks_of(training.test_drawings, settings).batches(1, seed=0)
    expected = [learner.measure(next(tasks), train=False)[1]["query_accuracy"] for _ in range(40)]
    result = json.loads((tmp_path / "logs/small.seed_3/best.test.num_inner_steps_2.json").read_text())
    assert result["accuracy"] == pytest.approx(np.mean(expected), abs=1e-6)


def test_a_new_run_begins_with_the_references_parameters():
    slot = gpu_runs.Slot("small", 2, gpu.LOGS)
    job = MAMLJob([slot], "cpu")
    gpu_runs.reseed(2, 0)
    expected = maml_solution.MAML(3, 1, 0.4, False, 1e-3, None)._meta_parameters
    for name, tensor in job.learner(0).tensors().items():
        if name.startswith("theta."):
            torch.testing.assert_close(tensor, expected[name.removeprefix("theta.")].detach())


def test_archives_hold_each_run_and_no_more_than_travels(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_runs, "ARCHIVE_BYTES", 250)
    for i in range(3):
        folder = tmp_path / f"logs/x.seed_{i}"
        folder.mkdir(parents=True)
        (folder / "log.csv").write_bytes(bytes(100))
    out = tmp_path / "out"
    out.mkdir()
    gpu_runs.archive(tmp_path / "logs", out)
    names = []
    for path in sorted(out.iterdir()):
        with gpu_runs.tarfile.open(path) as tar:
            names.append([name for name in tar.getnames() if name.endswith(".csv")])
    assert names == [["x.seed_0/log.csv", "x.seed_1/log.csv"], ["x.seed_2/log.csv"]]


def test_speeds_are_measured_and_rendered(tmp_path, monkeypatch):
    monkeypatch.setitem(gpu_speed.SPEED, "speed-course", (3, 1, 2, 2, 1, 4, True))
    monkeypatch.setattr(gpu_speed, "fused_if_possible", lambda step, example, pipe: step)
    monkeypatch.setattr(gpu_speed.seconds_of, "__defaults__", (0.0,))
    limits, pipe = gpu_speed.limits_of("cpu"), Pipe()
    packed = options(tmp_path, tmp_path / "logs").packed
    gpu_speed.measure_speed(pipe, "speed-course", packed, "cpu", limits)
    assert pipe.sent[0][0] == "ready"
    kind, settings = pipe.sent[1]
    assert kind == "speed" and settings["speed-course"]["flops_per_step"] > 1e5
    assert max(settings["speed-course"]["gradient_error"].values()) < 1e-2
    gpu_speed.write_speed(tmp_path / "gpu.json", "cpu", limits, settings)
    page = results.gpu(json.loads((tmp_path / "gpu.json").read_text()))
    assert "| plain loop | " in page and "| CUDA graph, fused | " in page
    assert "python -m benchmarks.gpu train speed-course --speed" in page
