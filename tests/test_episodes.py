"""hw1/episodes.py: the same batches, whoever draws them."""

import random
import time

import numpy as np
import pytest
import torch

from hw1 import episodes
from hw1.episodes import Episodes, Shelf, turned


class Generator:
    """Draws random numbers as a DataGenerator does, of all three kinds."""

    def _sample(self):
        images = np.random.random((2, 3, 784)).astype(np.float32) + random.random()
        return images, torch.rand(2, 3, 3).numpy()


@pytest.fixture(autouse=True)
def a_few_at_once(monkeypatch):
    """More than one batch, and several times in a test."""
    monkeypatch.setattr(episodes, "AT_ONCE", 9)


def drawn(num_workers, numbers, size=4, pause=0.0):
    """Copies of all batches, each made a while after the batch came."""
    result = []
    for batch in Episodes(Generator(), seed=7).batches(size, numbers, num_workers):
        time.sleep(pause)
        result.append(copied(batch))
    return result


def copied(batch):
    return [part.clone() for part in batch]


def assert_same(got, expected):
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        assert [part.dtype for part in one] == [part.dtype for part in other]
        assert all(torch.equal(*parts) for parts in zip(one, other, strict=True))


@pytest.mark.parametrize("num_workers", [1, 2])
@pytest.mark.parametrize("numbers", [range(8, 60), range(2, 3), range(27), range(5, 5)])
def test_batches_do_not_depend_on_the_number_of_workers(num_workers, numbers):
    expected = drawn(0, numbers)
    assert [len(images) for images, _ in expected] == [min(4, numbers.stop - i) for i in numbers[::4]]
    assert_same(drawn(num_workers, numbers), expected)


def test_a_batch_stays_as_it_is_until_the_next_is_asked_for():
    expected, got = drawn(0, range(48)), drawn(2, range(48), pause=0.05)
    assert_same(got, expected)


def test_the_same_episodes_come_after_a_stop():
    whole, rest = drawn(1, range(40)), drawn(1, range(12, 40))
    assert_same(rest, whole[3:])


def test_where_little_memory_is_shared_the_same_batches_are_drawn_without_workers(monkeypatch, capfd):
    expected = drawn(0, range(12))

    def full(*_):
        raise RuntimeError("No space left on device")

    monkeypatch.setattr(Shelf, "__init__", full)
    got = drawn(1, range(12))
    assert_same(got, expected)
    said = capfd.readouterr()
    assert "draws the episodes itself" in said.err and "No space left" not in said.out


def test_an_error_in_a_worker_keeps_its_traceback():
    class Broken(Generator):
        def _sample(self):
            self.drawn = getattr(self, "drawn", 0) + 1
            return super()._sample() if self.drawn < 5 else self.not_there

    with pytest.raises(AttributeError, match=r"(?s)Original Traceback.*self\.not_there"):
        list(Episodes(Broken(), seed=0).batches(4, range(16), num_workers=1))


def test_a_class_is_turned_as_a_whole_and_every_quarter_turn_comes():
    N, K = 3, 2
    original = np.random.default_rng(0).random((N, 28, 28)).astype(np.float32)
    labels = np.eye(N, dtype=np.float32)[[[0, 1, 2], [0, 1, 2], [2, 0, 1]]]
    images = original[labels.argmax(axis=-1)].reshape(K + 1, N, 784)
    before, seen = images.copy(), set()
    for seed in range(40):
        np.random.seed(seed)
        got, got_labels = turned(images, labels)
        assert got.shape == images.shape and got.dtype == images.dtype and got_labels is labels
        drawings = got.reshape(K + 1, N, 28, 28)
        quarters = []
        for n in range(N):
            (quarter,) = (q for q in range(4) if np.array_equal(drawings[0, n], np.rot90(original[n], q)))
            for row in range(K + 1):
                place = labels[row, :, n].argmax()
                assert np.array_equal(drawings[row, place], np.rot90(original[n], quarter))
            quarters.append(quarter)
        seen.add(tuple(quarters))
    assert np.array_equal(images, before), "the generator's own array stays as it is"
    assert {quarter for quarters in seen for quarter in quarters} == {0, 1, 2, 3} and len(seen) > 20


def test_rotations_do_not_depend_on_the_number_of_workers():
    class Labelled(Generator):
        def _sample(self):
            images, _ = super()._sample()
            return images, np.eye(3, dtype=np.float32)[[[0, 1, 2], np.random.permutation(3)]]

    alone, helped = (
        list(map(copied, Episodes(Labelled(), 1, rotations=True).batches(4, range(20), n))) for n in (0, 2)
    )
    assert_same(helped, alone)
