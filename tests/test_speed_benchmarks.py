"""benchmarks/episodes.py and meta_step.py: what they compare is the same work, and their figures are rendered."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks import episodes, meta_step, results
from data import glyphs


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("glyphs")
    glyphs.write(folder, 90)
    return folder


@pytest.fixture(autouse=True)
def same_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_all_ways_draw_the_same_kind_of_task_and_of_episode(data):
    ways = episodes.ways_to_draw(data)
    tasks = [ways["naive loader, Pillow"][0](), *ways["hw2 loader"][0]()]
    assert len(tasks) == 1 + episodes.BATCH
    for support, labels_support, query, labels_query in tasks:
        assert (support.shape, query.shape) == ((5, 1, 28, 28), (75, 1, 28, 28))
        assert {*support.unique().tolist(), *query.unique().tolist()} == {0.0, 1.0}
        assert 0 < support.mean() < 0.5, "ink is 1"
        assert labels_support.bincount().tolist() == [1] * 5 and labels_query.bincount().tolist() == [15] * 5
    for name in ("naive generator", "naive generator, cached", "DataGenerator"):
        images, labels = (np.asarray(part) for part in ways[name][0]())
        assert images.shape == (2, 5, 784) and labels.shape == (2, 5, 5), name
        assert set(np.unique(images)) == {0.0, 1.0} and (labels.sum(axis=(0, 1)) == 2).all(), name
    copied = ways["memory copy"][0]()
    assert copied.nbytes == episodes.BATCH * 4 * 80 * 784


def test_all_ways_to_take_a_meta_step_give_the_same_loss_and_meta_gradient():
    differences, _ = meta_step.check(2, 4, meta_step.a_batch(tasks=3, shots=1, queries=3))
    assert {"plain loop", "batched"} <= differences.keys()
    assert max(differences.values()) < 1e-9


@pytest.mark.slow
def test_figures_are_written_and_rendered(tmp_path):
    file = tmp_path / "runs/meta_step.json"
    options = ["--threads=1", "--seconds=0", "--tasks=3", "--queries=2", "--filters=4", f"--json={file}"]
    done = CliRunner().invoke(meta_step.main, options, catch_exceptions=False)
    assert "GFLOP a step" in done.output
    facts = json.loads(file.read_text())
    assert (
        facts["updates"] == meta_step.UPDATES
        and facts["flops_per_step"] > 1e6
        and facts["ways"]["batched"]["batched_is_times_faster"] == 1
    )
    assert set(facts["ways"]) | set(facts["not_importable"]) == {"plain loop", "batched", "higher", "learn2learn"}
    page = results.meta_step(facts)
    assert f"| plain loop | {facts['ways']['plain loop']['steps_per_second']:.2f} |" in page
    assert "--tasks 3 --shots 1 --queries 2 --filters 4" in page
