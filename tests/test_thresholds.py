"""How thresholds are measured; where they must lie is a rule of the house, see test_exercises.py."""

import shutil
from types import SimpleNamespace

import pytest

from autograder.fault import GraderError
from autograder.grading import catalog, grade, thresholds
from autograder.grading.drawings import Drawings
from autograder.instructor.quality import calibrate, distributions, measurements, mutants
from autograder.instructor.quality import measure as quality_measure

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
PROTONET = next(exercise for exercise in EXERCISES if exercise.name == "protonet")
SEEN = {(seed, "glyphs"): 0.8 + seed / 1000 for seed in range(40)}


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Grading that measures SEEN instead of training, and a thresholds.json of the test's own."""
    runs = []

    def told(exercises, handed_in, settings, *, wanted):
        runs.append(settings.seed)
        accuracy = SEEN[settings.seed, settings.drawings.source]
        found = {
            check: [(settings.drawings.source, accuracy)] for check, trains in PROTONET.outline().items() if trains
        }
        return SimpleNamespace(measured={PROTONET.name: found})

    monkeypatch.setattr(grade, "run", told)
    monkeypatch.setattr(thresholds, "path", lambda exercise: tmp_path / "thresholds.json")
    monkeypatch.setattr(measurements, "KEPT", tmp_path / "kept")
    return runs


def measure(seeds, mutant_seeds=0):
    table = calibrate.calibrate(PROTONET, [Drawings(None)], seeds, mutant_seeds)
    return table["test_learns_handwriting"]["glyphs"]


def test_a_measurement_that_was_interrupted_goes_on(run):
    def interrupt(table, done, total):
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate.calibrate(PROTONET, [Drawings(None)], 30, 0, observe=interrupt)
    assert len(thresholds.load(PROTONET)["test_learns_handwriting"]["glyphs"].measured) == 10
    assert measure(30) == calibrate.fit([SEEN[seed, "glyphs"] for seed in range(30)])
    assert run == list(range(30))
    assert len(measure(12).measured) == 12 and len(run) == 30


def test_a_seed_that_gave_no_score_is_measured_again(run, monkeypatch):
    measured = grade.run

    def fails_once(exercises, handed_in, settings, *, wanted):
        told = measured(exercises, handed_in, settings, wanted=wanted)
        if run == [*range(4)]:  # seed 3, the first time
            told.measured[PROTONET.name] = dict.fromkeys(told.measured[PROTONET.name], ())
        return told

    monkeypatch.setattr(grade, "run", fails_once)
    assert len(measure(6).measured) == 5
    table = {"test_learns_handwriting": thresholds.load(PROTONET)["test_learns_handwriting"]}
    (told,) = quality_measure._missing(PROTONET, table, [Drawings(None)], 6)
    assert "5 of 6 seeds gave a score. Run it again: only the others are measured." in told
    assert len(measure(6).measured) == 6 and run == [*range(6), 3]
    assert not [*quality_measure._missing(PROTONET, thresholds.load(PROTONET), [Drawings(None)], 6)]


def test_what_was_measured_of_another_version_of_the_exercise_counts_no_more(run, monkeypatch):
    measure(6)
    monkeypatch.setattr(measurements, "versions", lambda exercise: {"": "another"})
    measure(6)
    assert run == [*range(6), *range(6)]


def test_the_version_is_that_of_all_that_an_accuracy_depends_on(tmp_path):
    class Copy(catalog.Exercise):
        folder = tmp_path / "protonet"

    shutil.copytree(PROTONET.folder, Copy.folder)
    copied = Copy(PROTONET.homework, PROTONET.name)
    sign = next(mutant for mutant in mutants.load(copied) if mutant.measured)
    before = measurements.versions(copied)
    assert set(before) == {"", *(mutant.name for mutant in mutants.load(copied) if mutant.measured)}
    for name, old, new in (
        ("checks.py", "@points(", "# A comment.\n@points(7 * "),
        ("checks.py", "@hint(\n", '@hint("Look: "\n'),
        (
            "checks.py",
            "        assert_shape(got",
            "        1 + 1\n        assert_shape(got",
        ),  # in a check that does not train
        ("probe.py", '"""', '"""In other words. '),
        ("alternatives.md", "## ", "## not "),
        ("thresholds.json", "{", "{ "),
    ):
        _change(Copy.folder / name, old, new)
        assert measurements.versions(copied) == before, (name, new)
    for name, old, new in (
        ("checks.py", "batches=", "batches=1 + "),
        ("probe.py", "torch.manual_seed(", "torch.manual_seed(1 + "),
        ("solution.py", "NUM_HIDDEN_CHANNELS = 64", "NUM_HIDDEN_CHANNELS = 63"),
    ):
        _change(Copy.folder / name, old, new)
        after = measurements.versions(copied)
        assert all(after[part] != before[part] for part in before), name
        before = after
    _change(Copy.folder / "mutants.md", f"+ {sign.changes[0].new[0]}", "+ return 2 * (features")
    after = measurements.versions(copied)
    assert {part for part in before if after[part] != before[part]} == {sign.name}


def _change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text, (path.name, old)
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_measuring_leaves_what_is_not_measured_again(run):
    table = {"test_learns_handwriting": {"omniglot": calibrate.fit([0.7 + seed / 1000 for seed in range(30)])}}
    thresholds.save(PROTONET, table)
    measure(10)
    left = thresholds.load(PROTONET)["test_learns_handwriting"]
    assert left["omniglot"] == table["test_learns_handwriting"]["omniglot"]
    assert len(left["glyphs"].measured) == 10


def test_wrong_solutions_are_measured_anew_beside_the_reference(run):
    measure(6)
    told = measure(0, mutant_seeds=2)
    assert set(told.mutants) == {
        mutant.name for mutant in mutants.load(PROTONET) if "test_learns_handwriting" in mutant.measured
    }
    assert all(accuracies == [0.8, 0.801] for accuracies in told.mutants.values())
    assert len(told.measured) == 6
    assert told.margin == pytest.approx(told.bound - 0.8005)


def test_first_figures_come_after_five_seeds(run):
    tables = []
    calibrate.calibrate(PROTONET, [Drawings(None)], 7, 0, observe=lambda table, done, total: tables.append(table))
    assert [len(table) for table in tables] == [0, 0, 0, 0, 1, 1, 1]


def test_a_picture_shows_them_all(tmp_path):
    told = calibrate.fit([0.8 + seed / 1000 for seed in range(30)])
    told.mutants = {"sign": [0.1, 0.12]}
    distributions.draw({"test_x": {"made": told}, "test_y": {"glyphs": told}}, tmp_path / "told.png")
    assert (tmp_path / "told.png").read_bytes().startswith(b"\x89PNG")


def test_a_threshold_that_was_never_measured_is_told_with_the_command():
    exercise = EXERCISES[0]
    with pytest.raises(GraderError, match=r"thresholds.json has no threshold of test_new \(glyphs\): `python -m"):
        thresholds.Bar(exercise, "test_new", "glyphs").reached_by(0.9)
