"""What training programs share, on a learner of three numbers."""

import csv
import dataclasses
import itertools
import json
import math
import os
import shlex
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from trainer import Run, Score, accuracy, checkpoint, curve, evaluate, option, program, setting, train
from trainer.commandline import still_to_do
from trainer.log import Log, read

REPO = Path(__file__).parents[1]


class Point:
    """A learner that follows the points of its batches; the nearer it comes, the higher its accuracies."""

    def __init__(self, size=3):
        self.labels = {"query_accuracy": "query", "support_accuracy": "support"}
        self.score = accuracy(4)
        self.place = torch.zeros(size, requires_grad=True)
        self.optimizer = torch.optim.Adam([self.place], lr=0.1)

    def tensors(self):
        return {"place": self.place}

    def measure(self, batch, train):
        jitter = torch.rand(3) if train else 0.0  # so that the state of the random generator matters
        loss = (self.place - batch - jitter).square().mean()
        accuracy = math.exp(-loss.item())
        return loss, {"query_accuracy": accuracy, "support_accuracy": accuracy / 2}


def points(done):
    return (torch.from_numpy(np.random.default_rng([0, i]).random(3)).float() for i in itertools.count(done))


def far_point():
    return [torch.full((3,), 2.0)]


def run_in(folder, end, resume=False, **changes):
    options = {
        "method": "point",
        "settings": {"data": "omniglot", "seed": 0},
        "folder": folder,
        "device": "cpu",
        "num_iterations": end,
        "val_interval": 4,
        "testing": False,
        "checkpoint": folder / "last.safetensors" if resume else None,
        "options": {},
        "command": "python -m point",
        "recipe": None,
        "machine": "a machine",
    }
    return Run(**{**options, **changes})


def iterations(folder):
    with open(folder / "log.csv") as file:
        return [int(row["iteration"]) for row in csv.DictReader(file)]


def facts(path):
    return checkpoint.read_facts(path)


# Going on


def test_a_run_that_was_stopped_ends_with_the_weights_of_one_in_one_go(tmp_path):
    whole, first, second = Point(), Point(), Point()
    train(run_in(tmp_path / "whole", 20), whole, points, far_point)
    train(run_in(tmp_path / "parts", 10), first, points, far_point)
    train(run_in(tmp_path / "parts", 20, resume=True), second, points, far_point)
    assert torch.equal(second.place, whole.place) and not torch.equal(first.place, whole.place)
    ends = [facts(tmp_path / name / "last.safetensors") for name in ("whole", "parts")]
    assert all(end.pop(name) > 0 for end in ends for name in ("seconds", "processor_seconds"))
    assert ends[0] == ends[1] and ends[0]["iteration"] == 20


def test_seconds_are_those_of_all_parts(tmp_path):
    train(run_in(tmp_path, 5), Point(), points, far_point)
    last = run_in(tmp_path, 6, resume=True)
    _, _ = last.restore(Point())
    last.seconds += 3600  # as if the first part had taken that long
    last.save("last", Point(), 5, {"iteration": 0, "query_accuracy": 0.0})
    train(run_in(tmp_path, 6, resume=True), Point(), points, far_point)
    assert 3600 < facts(tmp_path / "last.safetensors")["seconds"] < 3660


def test_training_ends_when_its_processor_time_is_used_up_and_counts_no_validation(tmp_path, capsys):
    clock = {"now": 0.0}

    class Slow(Point):
        def measure(self, batch, train):
            clock["now"] += 2.0 if train else 100.0
            return super().measure(batch, train)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "process_time", lambda: clock["now"])
        train(run_in(tmp_path, 1000, minutes=0.1), Slow(), points, far_point)
        last = facts(tmp_path / "last.safetensors")
        assert last["iteration"] == 3 and last["processor_seconds"] == 6.0
        assert "To test that checkpoint" in capsys.readouterr().out
        assert not math.isnan(read(tmp_path)["val_loss"][-1])  # the end is validated
        train(run_in(tmp_path, 1000, resume=True, minutes=0.1), Slow(), points, far_point)
        assert facts(tmp_path / "last.safetensors") == last
        train(run_in(tmp_path, 1000, resume=True, minutes=0.2), Slow(), points, far_point)
        assert facts(tmp_path / "last.safetensors")["iteration"] == 6
        train(run_in(tmp_path, 7, resume=True, minutes=9), Slow(), points, far_point)
        assert facts(tmp_path / "last.safetensors")["iteration"] == 7


def test_the_share_that_is_done_is_of_iterations_or_of_minutes_whichever_is_further(tmp_path):
    run = run_in(tmp_path, 100)
    assert [run.share_done(done) for done in (0, 25, 100, 200)] == [0, 0.25, 1, 1]
    run = run_in(tmp_path, 100, minutes=2, processor_seconds=60)
    assert [run.share_done(done) for done in (0, 25, 75)] == [0.5, 0.5, 0.75]


def test_the_learning_rate_is_halved_as_often_as_due_also_where_a_run_goes_on(tmp_path):
    rates = []

    class Noting(Point):
        def measure(self, batch, train):
            if train:
                rates.append(self.optimizer.param_groups[0]["lr"])
            return super().measure(batch, train)

    for end, resume in ((5, False), (7, True)):
        train(run_in(tmp_path, end, resume), Noting(), points, far_point, halve_every=2)
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125]


def test_going_on_repeats_no_row_of_the_log(tmp_path):
    train(run_in(tmp_path, 10), Point(), points, far_point)
    with open(tmp_path / "log.csv", "a") as file:
        file.write("11,0.5,0.5,0.5,,,\n1")  # as if killed after the last checkpoint, half a row written
    train(run_in(tmp_path, 15, resume=True), Point(), points, far_point)
    assert iterations(tmp_path) == list(range(16))


def test_the_log_is_that_of_one_run_in_one_go(tmp_path):
    train(run_in(tmp_path / "whole", 16), Point(), points, far_point)
    train(run_in(tmp_path / "parts", 8), Point(), points, far_point)
    train(run_in(tmp_path / "parts", 16, resume=True), Point(), points, far_point)
    assert (tmp_path / "parts" / "log.csv").read_text() == (tmp_path / "whole" / "log.csv").read_text()


def test_a_finished_run_that_is_resumed_stays_as_it_is(tmp_path):
    train(run_in(tmp_path, 10), Point(), points, far_point)
    before = facts(tmp_path / "last.safetensors")
    train(run_in(tmp_path, 5, resume=True), Point(), points, far_point)
    assert facts(tmp_path / "last.safetensors") == before and iterations(tmp_path) == list(range(11))


class Distance(Point):
    """The same, judged by a number that is to be low."""

    def __init__(self):
        super().__init__()
        self.labels = {"distance": "to the point"}
        self.score = Score("distance", "distance", best="low")

    def measure(self, batch, train):
        loss, _ = super().measure(batch, train)
        return loss, {"distance": loss.item() ** 0.5}


def test_a_score_that_is_no_accuracy_chooses_the_best_checkpoint_and_is_tested(tmp_path, capsys):
    train(run_in(tmp_path, 20), Distance(), points, far_point)
    record = read(tmp_path)
    validated = [value for value in record["val_distance"] if not math.isnan(value)]
    facts = checkpoint.read_facts(tmp_path / "best.safetensors")
    assert facts["best"]["distance"] == pytest.approx(min(validated))
    assert (tmp_path / "learning_curve.png").exists()
    assert f"Best validation distance: {min(validated):.3f}, at iteration" in capsys.readouterr().out
    run = run_in(tmp_path, 20, testing=True, checkpoint=tmp_path / "best.safetensors")
    evaluate.test(run, Distance(), 3 * far_point(), "points")
    assert "points distance: " in capsys.readouterr().out
    assert json.loads((tmp_path / "best.test.json").read_text())["distance"] > 0


def test_the_best_checkpoint_is_the_one_of_the_highest_validation_accuracy(tmp_path):
    near_the_start = [torch.full((3,), 0.4)]  # passed by on the way to the points, whose mean is 1
    train(run_in(tmp_path, 40), Point(), points, lambda: near_the_start)
    log = read(tmp_path)
    accuracy = dict(zip(log["iteration"], log["val_query_accuracy"], strict=True))
    best = max((i for i in accuracy if not math.isnan(accuracy[i])), key=accuracy.get)
    assert 0 < best < 40
    assert facts(tmp_path / "best.safetensors")["iteration"] == best
    assert facts(tmp_path / "last.safetensors")["best"]["iteration"] == best


# Stopping


class Interrupted(Point):
    """Gets Ctrl-C, once or more often, in its fifth training batch."""

    def __init__(self, times=1):
        super().__init__()
        self.times, self.batches = times, 0

    def measure(self, batch, train):
        self.batches += train
        if train and self.batches == 5:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)
        return super().measure(batch, train)


def test_ctrl_c_ends_the_iteration_saves_and_says_how_to_go_on(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        train(run_in(tmp_path, 20), Interrupted(), points, far_point)
    assert stopped.value.code == 130
    assert "python -m point --resume\n" in capsys.readouterr().out
    assert facts(tmp_path / "last.safetensors")["iteration"] == 5 and iterations(tmp_path) == list(range(6))
    again, whole = Point(), Point()
    train(run_in(tmp_path, 20, resume=True), again, points, far_point)
    train(run_in(tmp_path / "whole", 20), whole, points, far_point)
    assert torch.equal(again.place, whole.place)


def test_a_second_ctrl_c_quits_at_once_and_leaves_the_last_checkpoint(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(run_in(tmp_path, 20), Interrupted(times=2), points, far_point)
    assert facts(tmp_path / "last.safetensors")["iteration"] == 4


def test_ctrl_c_is_its_usual_self_after_training(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    train(run_in(tmp_path, 5), Point(), points, far_point)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_training_in_one_sentence(tmp_path, number):
    broken = (point * (number if i == 6 else 1) for i, point in enumerate(points(0)))
    learner = Point()
    with pytest.raises(click.ClickException, match=r"The loss is (nan|inf) at iteration 7: .*\.$"):
        train(run_in(tmp_path, 20), learner, lambda done: broken, far_point)
    assert facts(tmp_path / "last.safetensors")["iteration"] == 4
    assert torch.isfinite(learner.place).all()


# Checkpoints


def test_a_checkpoint_is_a_safetensors_file_with_weights_optimizer_and_facts(tmp_path):
    train(run_in(tmp_path, 5), Point(), points, far_point)
    with safe_open(tmp_path / "last.safetensors", "pt") as file:
        names = {"model.place", "optimizer.0.step", "optimizer.0.exp_avg", "optimizer.0.exp_avg_sq"}
        assert set(file.keys()) == names
        assert json.loads(file.metadata()["run"])["settings"] == {"data": "omniglot", "seed": 0}


def test_a_checkpoint_that_is_missing_or_broken_or_not_ours_is_one_sentence(tmp_path):
    train(run_in(tmp_path, 5), Point(), points, far_point)
    last = tmp_path / "last.safetensors"
    with pytest.raises(click.ClickException, match=r"^There is no checkpoint .*none\.safetensors\.$"):
        checkpoint.read_facts(tmp_path / "none.safetensors")
    last.write_bytes(last.read_bytes()[:-10])
    with pytest.raises(click.ClickException, match="is not a checkpoint"):
        checkpoint.read_facts(last)


def test_a_checkpoint_of_another_network_is_refused_and_changes_nothing(tmp_path):
    train(run_in(tmp_path, 5), Point(), points, far_point)
    learner = Point(size=1)
    with pytest.raises(click.ClickException, match="another network than the code has now"):
        train(run_in(tmp_path, 10, resume=True), learner, points, far_point)
    assert learner.place.tolist() == [0.0]


# Log, curve and test


def test_the_log_has_a_row_for_each_iteration_and_validation_where_it_was_due(tmp_path):
    train(run_in(tmp_path, 10), Point(), points, far_point)
    log = read(tmp_path)
    assert list(log) == [
        "iteration", "train_loss", "train_query_accuracy", "train_support_accuracy",
        "val_loss", "val_query_accuracy", "val_support_accuracy",
    ]  # fmt: skip
    assert [i for i, loss in enumerate(log["train_loss"]) if math.isnan(loss)] == [0]
    assert [i for i, loss in enumerate(log["val_loss"]) if not math.isnan(loss)] == [0, 4, 8, 10]


def test_tensorboard_gets_the_same_numbers_where_it_is_installed(tmp_path, monkeypatch):
    written = []

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            written.append((folder, purge_step))

        def add_scalar(self, *scalar):
            written.append(scalar)

        def close(self):
            written.append("closed")

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with Log(tmp_path, ["loss"], keep=6) as log:
        log.write(7, {"loss": 0.5}, {"loss": 0.25})
    assert written == [(str(tmp_path), 7), ("loss/train", 0.5, 7), ("loss/val", 0.25, 7), "closed"]


def test_without_tensorboard_there_is_the_log_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with Log(tmp_path, ["loss"], keep=None) as log:
        log.write(1, {"loss": 0.5}, {})
    assert (tmp_path / "log.csv").read_text() == "iteration,train_loss,val_loss\n1,0.5,\n"


def test_training_ends_with_a_learning_curve(tmp_path, capsys):
    train(run_in(tmp_path, 60), Point(), points, far_point)
    with Image.open(tmp_path / "learning_curve.png") as picture:
        assert picture.width > 1000 and len(picture.convert("RGB").getcolors(1 << 24)) > 50
    assert str(tmp_path / "learning_curve.png") in capsys.readouterr().out


def test_the_running_mean_is_of_a_fiftieth_of_all_values_and_fewer_at_the_ends():
    assert curve.running_mean(np.arange(10.0)).tolist() == list(range(10))
    values = np.random.default_rng(0).random(150)
    mean = curve.running_mean(values)
    np.testing.assert_allclose(mean[1:-1], (values[:-2] + values[1:-1] + values[2:]) / 3)
    np.testing.assert_allclose(mean[[0, -1]], [values[:2].mean(), values[-2:].mean()])


def test_the_test_reports_the_mean_of_the_tasks_and_its_confidence_interval(tmp_path, capsys):
    train(run_in(tmp_path, 12), Point(), points, far_point)
    capsys.readouterr()
    best = tmp_path / "best.safetensors"
    learner = Point()
    tasks = list(itertools.islice(points(1000), 600))
    evaluate.test(run_in(tmp_path, 12, checkpoint=best, testing=True), learner, tasks, "4-way 1-shot")
    accuracies = [learner.measure(task, train=False)[1]["query_accuracy"] for task in tasks]
    half_width = 1.96 * np.std(accuracies) / math.sqrt(599)
    result = json.loads((tmp_path / "best.test.json").read_text())
    assert result["accuracy"] == pytest.approx(np.mean(accuracies))
    assert result["confidence_95"] == pytest.approx(half_width)
    assert Score(**result["score"]) == dataclasses.replace(learner.score, chance=None)
    assert result["tasks"] == 600 and result["iteration"] == facts(best)["iteration"] == 12
    line = f"4-way 1-shot accuracy: {np.mean(accuracies):.2%} ± {half_width:.2%} (95% confidence, 600 meta-"
    assert line in capsys.readouterr().out


def test_a_result_lasts_as_long_as_its_checkpoint(tmp_path):
    train(run_in(tmp_path, 4), Point(), points, far_point)
    results = [tmp_path / "best.test.json", tmp_path / "best.test.num_way_5.json"]
    for result in results:
        result.touch()
    train(run_in(tmp_path, 5, resume=True), Further(), points, far_point)
    assert all(result.exists() for result in results)
    train(run_in(tmp_path, 12, resume=True), Point(), points, far_point)
    assert facts(tmp_path / "best.safetensors")["iteration"] == 12
    assert not any(result.exists() for result in results)


class Further(Point):
    """A learner that becomes no better."""

    def measure(self, batch, train):
        loss, accuracies = super().measure(batch, train)
        return loss, dict.fromkeys(accuracies, 0.0)


# The command line


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run a training program with options, in tmp_path; returns click's result, and the run as result.run."""
    monkeypatch.chdir(tmp_path)
    runs = []

    @click.command()
    @setting("--num-way", type=int, default=4)
    @setting("--rate", type=float, default=0.1)
    @option("--num-workers", type=int, default=0)
    @program("point", num_iterations=6)
    def main(run):
        runs.append(run)
        if not run.testing:
            train(run, Point(), points, far_point)

    def invoke(*arguments):
        result = CliRunner().invoke(main, arguments, prog_name="python -m point", catch_exceptions=False)
        result.run = runs[-1] if runs else None
        return result

    return invoke


def test_the_folder_is_named_by_the_settings_that_are_not_the_usual_ones(command):
    result = command("--num-way=3", "--num-iterations=2")
    assert result.exit_code == 0, result.output
    assert result.run.folder == Path("logs/point/omniglot.way_3")
    assert command("--rate=0.1", "--num-iterations=2").run.folder == Path("logs/point/omniglot")
    assert command("--seed=1", "--rate=0.5", "--num-iterations=2").run.folder == Path(
        "logs/point/omniglot.rate_0.5.seed_1"
    )


def test_a_run_is_not_overwritten_unless_asked(command):
    command("--num-iterations=2")
    refused = command("--num-iterations=3")
    assert refused.exit_code == 1 and "--resume" in refused.output and "--restart" in refused.output
    stale = refused.run.folder / "best.test.json"
    stale.touch()
    result = command("--num-iterations=3", "--restart")
    assert result.exit_code == 0 and facts(result.run.folder / "last.safetensors")["iteration"] == 3
    assert iterations(result.run.folder) == list(range(4)) and not stale.exists()


def test_the_command_to_go_on_is_the_one_that_was_given(command):
    result = command("--rate", "0.2", "--num-iterations", "3", "--log-dir", "my logs")
    assert result.run.command == "python -m point --rate 0.2 --num-iterations 3 --log-dir 'my logs'"
    again = command(*shlex.split(result.run.command)[3:], "--resume")
    assert again.exit_code == 0 and again.run.command == result.run.command


def test_a_checkpoint_of_other_settings_names_the_setting(command):
    command("--rate=0.2", "--log-dir=here")
    result = command("--rate=0.3", "--log-dir=here", "--resume")
    assert result.exit_code == 1
    assert result.output.strip().endswith("cannot go on: it was trained with --rate 0.2, not 0.3.")


def test_settings_that_are_not_given_come_from_the_checkpoint(command):
    command("--rate=0.2", "--num-way=3", "--log-dir=here")
    for result in (
        command("--log-dir=here", "--resume", "--num-iterations=8"),
        command("--checkpoint=here/best.safetensors", "--test"),
    ):
        assert result.exit_code == 0, result.output
        assert result.run.settings == {"num_way": 3, "rate": 0.2, "data": "omniglot", "seed": 0}
        assert result.run.folder == Path("here")


def test_a_setting_that_is_newer_than_the_checkpoint_has_its_default(command):
    command("--rate=0.2", "--log-dir=here")
    last = Path("here/last.safetensors")
    with safe_open(last, "pt") as file:
        tensors, run = {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["run"])  # noqa: SIM118
    del run["settings"]["num_way"]
    save_file(tensors, last, {"run": json.dumps(run)})
    assert command("--log-dir=here", "--resume").run.settings["num_way"] == 4
    refused = command("--num-way=3", "--log-dir=here", "--resume")
    assert refused.output.strip().endswith("cannot go on: it was trained with --num-way 4, not 3.")


def test_workers_have_cores_of_their_own(command, monkeypatch):
    chosen = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    for number, words in enumerate(
        [(), ("--num-workers=3",), ("--num-workers=8",), ("--threads=5", "--num-workers=3")]
    ):
        assert command(*words, f"--log-dir={number}").exit_code == 0
    assert chosen == [8, 5, 1, 5]
    assert command("--num-workers=3", "--log-dir=1", "--test").exit_code == 0
    assert chosen[-1] == 8  # a test starts no workers


def test_a_test_may_change_the_tasks(command):
    command("--num-way=3", "--log-dir=here")
    result = command("--log-dir=here", "--num-way=5", "--test")
    assert result.run.settings["num_way"] == 5 and result.run.settings["rate"] == 0.1


def test_a_checkpoint_of_another_method_is_refused(command):
    Path("here").mkdir()
    train(run_in(Path("here"), 2, method="line"), Point(), points, far_point)
    result = command("--log-dir=here", "--resume")
    assert result.exit_code == 1 and "was trained by line, not point" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--resume"], "There is no checkpoint logs/point/omniglot/last.safetensors."),
        (["--test"], "There is no checkpoint logs/point/omniglot/best.safetensors."),
        (["--resume", "--restart"], "--resume, --restart and --test exclude each other."),
        (["--checkpoint=here"], "--checkpoint needs --test or --resume."),
        (["--checkpoint=a/b", "--test", "--log-dir=c"], "--checkpoint says where the run lies: leave out --log-dir."),
        (["--device=cuda"], "PyTorch finds no cuda device on this machine: use --device cpu."),
        (["--device=mps"], "PyTorch finds no mps device on this machine: use --device cpu."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(command, monkeypatch, arguments, sentence):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    result = command(*arguments)
    assert result.exit_code != 0 and result.output.endswith(f"Error: {sentence}\n")


def test_a_stub_is_told_from_other_errors(tmp_path):
    stub = tmp_path / "hw7" / "sums.py"
    stub.parent.mkdir()
    stub.write_text(
        "import torch\n"
        "class Sums:\n"
        "    def _inner_loop(self):\n"
        "        raise NotImplementedError\n"
        "    def forward(self):\n"
        "        torch.nn.Module()(1)\n"
    )
    names = {}
    exec(compile(stub.read_text(), str(stub), "exec"), names)
    for method, expected in (
        ("_inner_loop", "hw7/sums.py: Sums._inner_loop is still to do: "),
        ("forward", ""),
    ):
        with pytest.raises(NotImplementedError) as caught:
            getattr(names["Sums"](), method)()
        sentence = still_to_do(caught.value, course=tmp_path)
        assert sentence.startswith(expected) and bool(sentence) == bool(expected)


# Slow


@pytest.mark.slow
def test_kill_9_at_any_time_leaves_a_whole_checkpoint(tmp_path):
    path = tmp_path / "last.safetensors"
    writer = f"""
import pathlib, sys, types, torch
sys.path.insert(0, {str(REPO)!r})
from trainer import checkpoint
weight = torch.zeros(300_000, requires_grad=True)
learner = types.SimpleNamespace(tensors=lambda: {{"weight": weight}}, optimizer=torch.optim.Adam([weight]))
for iteration in range(10**9):
    checkpoint.save(pathlib.Path({str(path)!r}), learner, {{"iteration": iteration}})
"""
    for wait in (0.0, 0.013, 0.031, 0.05):
        path.unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, "-c", writer])
        while not path.exists():
            assert process.poll() is None
        time.sleep(wait)
        process.kill()
        process.wait()
        assert facts(path)["iteration"] >= 0
