"""Thresholds are measured: often enough, far from what is right and above what is wrong."""

from types import SimpleNamespace

import pytest

from autograder.grading import catalog, grade, thresholds
from autograder.grading.drawings import Drawings
from autograder.instructor.quality import calibrate, distributions, mutants

EXERCISES = [exercise for homework in catalog.homeworks() for exercise in catalog.exercises(homework)]
TRAINING = [exercise for exercise in EXERCISES if any(exercise.outline().values())]
PROTONET = next(exercise for exercise in EXERCISES if exercise.name == "protonet")
CASES = [
    (exercise, check, source)
    for exercise in TRAINING
    for check, by_source in thresholds.load(exercise).items()
    for source in by_source
]
each_case = pytest.mark.parametrize(
    ("exercise", "check", "source"), CASES, ids=[f"{e.name}: {check}, {source}" for e, check, source in CASES]
)


def told_by(exercise, check):
    """Names of the wrong solutions that an accuracy should tell."""
    return {mutant.name for mutant in mutants.load(exercise) if check in mutant.measured}


@each_case
def test_a_threshold_is_measured_over_thirty_seeds_and_hardly_ever_fails_what_is_right(exercise, check, source):
    told = thresholds.load(exercise)[check][source]
    assert len(told.measured) >= 30
    assert told.false_fail < 1e-4
    assert told.accuracy < told.lowest == min(told.measured)


@each_case
def test_a_threshold_is_what_the_measured_accuracies_give(exercise, check, source):
    told = thresholds.load(exercise)[check][source]
    again = calibrate.fit(told.measured)
    assert again.accuracy == pytest.approx(told.accuracy, abs=0.002)  # they are rounded in the file
    assert again.mean == pytest.approx(told.mean, abs=1e-4)


@each_case
def test_wrong_solutions_stay_below_a_threshold(exercise, check, source):
    told = thresholds.load(exercise)[check][source]
    assert set(told.mutants) == told_by(exercise, check)
    assert told.margin > 0.05
    assert max(max(accuracies) for accuracies in told.mutants.values()) < told.accuracy


@pytest.mark.parametrize("exercise", TRAINING, ids=[exercise.name for exercise in TRAINING])
def test_every_check_that_trains_has_thresholds_a_picture_and_wrong_solutions_to_tell(exercise):
    trains = {check for check, training in exercise.outline().items() if training}
    assert thresholds.load(exercise).keys() == trains and all(told_by(exercise, check) for check in trains)
    for by_source in thresholds.load(exercise).values():
        assert set(by_source) in ({"made"}, {"omniglot", "glyphs"})
    assert (exercise.folder / "thresholds.png").exists()


# How they are measured

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
    return runs


def measure(seeds, mutant_seeds=0, first=0):
    table = calibrate.calibrate(PROTONET, [Drawings(None)], seeds, mutant_seeds, lambda *told: None, first)
    return table["test_learns_handwriting"]["glyphs"]


def test_a_measurement_that_was_interrupted_goes_on(run):
    whole = measure(30)
    assert run == list(range(30))
    measure(10)
    assert measure(20, first=10) == whole
    assert run[30:] == list(range(30))


def test_going_on_leaves_what_is_not_measured_again(run):
    table = {"test_learns_handwriting": {"omniglot": calibrate.fit([0.7 + seed / 1000 for seed in range(30)])}}
    thresholds.save(PROTONET, table)
    measure(6, first=0)
    measure(4, first=6)
    left = thresholds.load(PROTONET)["test_learns_handwriting"]
    assert left["omniglot"] == table["test_learns_handwriting"]["omniglot"]
    assert len(left["glyphs"].measured) == 10


def test_wrong_solutions_are_measured_anew_beside_the_reference(run):
    measure(6)
    told = measure(0, mutant_seeds=2)
    assert set(told.mutants) == told_by(PROTONET, "test_learns_handwriting")
    assert all(accuracies == [0.8, 0.801] for accuracies in told.mutants.values())
    assert len(told.measured) == 6
    assert told.margin == pytest.approx(told.accuracy - 0.8005)


def test_a_picture_shows_them_all(tmp_path):
    told = calibrate.fit([0.8 + seed / 1000 for seed in range(30)])
    told.mutants = {"sign": [0.1, 0.12]}
    distributions.draw({"test_x": {"made": told}, "test_y": {"glyphs": told}}, tmp_path / "told.png")
    assert (tmp_path / "told.png").read_bytes().startswith(b"\x89PNG")
