"""How the training program builds, trains and tests Meta-SGD, and the runs that course and paper report.

The paper's accuracy is of Li et al. (2017), 99.53% in its table of Omniglot, rounded. Network, tasks and iterations are
those of Finn et al. (2017), with which it compares itself.
"""

import click

from hw2 import network
from hw2.meta_sgd import MetaSGD
from hw2.training import OuterLossLearner, task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, program, setting


class MetaSGDLearner(OuterLossLearner):
    """Meta-SGD, as the trainer sees it: it learns the initialisation and the learning rates."""

    def __init__(self, method: MetaSGD, num_way: int):
        super().__init__(method, num_way, {"theta": "_meta_parameters", "alpha": "_inner_lrs"})


@click.command()
@task_settings(num_tasks=16)
@setting("--inner-lr", type=float, default=0.1, help="What all rates alpha are when training begins.")
@setting("--num-filters", type=COUNT, default=network.NUM_HIDDEN_CHANNELS, help="Of each convolution.")
@setting("--outer-lr", type=float, default=1e-3, help="Of Adam, in the outer loop.")
@program("meta_sgd", num_iterations=5_000)
def command(run: Run):
    """Train Meta-SGD."""
    network.NUM_HIDDEN_CHANNELS = run.settings["num_filters"]  # which the constructor reads
    names = ("num_way", "inner_lr", "outer_lr")
    method = MetaSGD(*(run.settings[name] for name in names), run.folder, run.device)
    train_on_tasks(run, MetaSGDLearner(method, run.settings["num_way"]))


RECIPES = {
    "course-meta-sgd-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-tasks 4 --outer-lr 0.003 --num-iterations 2000 --val-interval 500",
        0.87,
        "the course",
    ),
    "paper-meta-sgd-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-query 1 --num-tasks 32 --num-filters 64 --rotations "
        "--num-iterations 60000 --val-interval 500",
        0.995,
        "Li et al. (2017)",
    ),
}
