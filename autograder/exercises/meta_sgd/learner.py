"""How the training program builds, trains and tests Meta-SGD, and the runs that course and paper report.

The paper's accuracy is of Li et al. (2017), 99.53% in its table of Omniglot, rounded. Network, tasks and iterations are
those of Finn et al. (2017), with which it compares itself.
"""

import click

from hw2 import meta_sgd as meta_sgd_module
from hw2.meta_sgd import MetaSGD
from hw2.training import task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, accuracy, program, setting


class MetaSGDLearner:
    """Meta-SGD, as the trainer sees it."""

    def __init__(self, meta_sgd: MetaSGD, num_way: int):
        self.meta_sgd, self.score, self.optimizer = meta_sgd, accuracy(num_way), meta_sgd._optimizer
        self.labels = {
            "query_accuracy": "query, after adaptation",
            "support_accuracy": "support, after adaptation",
            "unadapted_support_accuracy": "support, before adaptation",
        }

    def tensors(self):
        """The initialisation and the learning rates."""
        theta = {f"theta.{name}": tensor for name, tensor in self.meta_sgd._meta_parameters.items()}
        return theta | {f"alpha.{name}": tensor for name, tensor in self.meta_sgd._inner_lrs.items()}

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks."""
        loss, (before, after), query = self.meta_sgd._outer_step(batch, train)
        if train and not loss.requires_grad:
            raise click.ClickException(
                "The outer loss has no graph, so nothing can be learned: is something detached in hw2/meta_sgd.py?"
            )
        return loss, {"query_accuracy": query, "support_accuracy": after, "unadapted_support_accuracy": before}


@click.command()
@task_settings(num_tasks=16)
@setting("--inner-lr", type=float, default=0.1, help="What all rates alpha are when training begins.")
@setting("--num-filters", type=COUNT, default=meta_sgd_module.NUM_HIDDEN_CHANNELS, help="Of each convolution.")
@setting("--outer-lr", type=float, default=1e-3, help="Of Adam, in the outer loop.")
@program("meta_sgd", num_iterations=5_000)
def command(run: Run):
    """Train Meta-SGD."""
    meta_sgd_module.NUM_HIDDEN_CHANNELS = run.settings["num_filters"]  # which its constructor reads
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
