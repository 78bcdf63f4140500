"""hw2/omniglot.py: the tasks that hw2 trains and tests on."""

import itertools

import numpy as np
import pytest
import torch

from hw2.omniglot import Tasks


def drawings(characters, count=20):
    """Drawings that carry their character and their own number in binary, in the first two rows."""
    images = np.zeros((characters, count, 28, 28), np.uint8)
    images[:, :, 0, :8] = bits(np.arange(characters))[:, None]
    images[:, :, 1, :8] = bits(np.arange(count))
    return {f"alphabet/character{i:02}": images[i] for i in range(characters)}


def bits(numbers):
    return np.unpackbits(numbers.astype(np.uint8)[:, None], axis=1)


def names(images):
    """(character, drawing) of each image of `drawings`."""
    numbers = np.packbits(images[:, 0, :2, :8].numpy().astype(np.uint8), axis=-1)[..., 0]
    return [(int(character), int(drawing)) for character, drawing in numbers]


def first(tasks, count, seed=0):
    return list(itertools.islice((task for batch in tasks.batches(4, seed) for task in batch), count))


def test_a_task_has_the_shapes_and_types_that_the_homework_promises():
    for images_support, labels_support, images_query, labels_query in first(Tasks(drawings(9), 5, 2, 3), 8):
        assert images_support.shape == (10, 1, 28, 28) and images_query.shape == (15, 1, 28, 28)
        assert images_support.dtype == images_query.dtype == torch.float32
        assert labels_support.dtype == labels_query.dtype == torch.int64
        assert labels_support.bincount().tolist() == [2] * 5
        assert labels_query.bincount().tolist() == [3] * 5


def test_a_batch_has_the_asked_number_of_tasks_and_they_differ():
    batch = next(Tasks(drawings(9), 5, 2, 3).batches(7, seed=0))
    assert len(batch) == 7
    assert len({tuple(names(task[0])) for task in batch}) == 7


def test_a_label_is_one_character_in_support_and_query():
    for images_support, labels_support, images_query, labels_query in first(Tasks(drawings(9), 5, 2, 3), 50):
        images, labels = [*names(images_support), *names(images_query)], [*labels_support, *labels_query]
        pairs = {(int(label), character) for label, (character, _) in zip(labels, images, strict=True)}
        assert len(pairs) == len({label for label, _ in pairs}) == len({character for _, character in pairs}) == 5


def test_no_drawing_is_twice_in_a_task():
    for images_support, _, images_query, _ in first(Tasks(drawings(6, count=5), 5, 2, 3), 50):
        assert len({*names(images_support), *names(images_query)}) == 25


def test_characters_with_fewer_drawings_lend_none_from_their_neighbours():
    characters = drawings(3, count=4)
    characters["alphabet/long"] = drawings(101, count=50)["alphabet/character100"]
    for images_support, _, images_query, _ in first(Tasks(characters, 4, 2, 2), 50):
        counts = [character for character, _ in (*names(images_support), *names(images_query))]
        assert sorted(set(counts)) == [0, 1, 2, 100] and all(counts.count(name) == 4 for name in set(counts))


def test_every_character_drawing_and_label_has_its_turn():
    seen = {
        (int(label), name)
        for images, labels, *_ in first(Tasks(drawings(4, count=3), 2, 1, 1), 1000)
        for label, name in zip(labels, names(images), strict=True)
    }
    assert len(seen) == 2 * 4 * 3


def test_support_and_query_come_in_no_order():
    labels = [(task[1].tolist(), task[3].tolist()) for task in first(Tasks(drawings(9), 5, 2, 2), 20)]
    assert len({tuple(support) for support, _ in labels}) > 10
    assert len({tuple(query) for _, query in labels}) > 10
    assert any(support != query for support, query in labels)


def test_batch_number_i_is_the_same_wherever_the_iterator_began():
    tasks = Tasks(drawings(9), 5, 1, 2)
    for early, late in zip(
        list(itertools.islice(tasks.batches(3, 0), 8))[5:], tasks.batches(3, 0, start=5), strict=False
    ):
        for one, other in zip(early, late, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_seeds_give_different_tasks():
    tasks = Tasks(drawings(9), 5, 1, 2)
    assert names(next(tasks.batches(1, 0))[0][0]) != names(next(tasks.batches(1, 1))[0][0])


def test_too_few_characters_or_drawings_are_named():
    with pytest.raises(ValueError, match="5 characters, and there are 4"):
        Tasks(drawings(4), 5, 1, 1)
    with pytest.raises(ValueError, match="21 drawings of a character, and one has 20"):
        Tasks(drawings(9), 5, 6, 15)


def test_drawings_in_shades_are_drawn_as_they_are():
    shades = {name: np.random.default_rng(n).normal(size=(20, 12, 12)) for n, name in enumerate("abc")}
    every = {image.astype(np.float32).tobytes() for array in shades.values() for image in array}
    ((images, _, queries, _),) = Tasks(shades, 3, 2, 3).sample(np.random.default_rng(0), 1)
    assert images.shape == (6, 1, 12, 12) and images.dtype == torch.float32
    assert {image.numpy().tobytes() for image in torch.cat([images, queries])} <= every
