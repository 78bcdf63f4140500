"""How the training program builds, trains and tests first-order MAML, and the run that the course reports.

The paper's own runs are among MAML's recipes (--first-order there): Finn et al. (2017), table 1, 98.3% on 5-way 1-shot.
"""

import click
import torch

from hw2.first_order import FirstOrderMAML
from hw2.training import task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, accuracy, program, setting


class FirstOrderLearner:
    """First-order MAML, as the trainer sees it."""

    def __init__(self, method: FirstOrderMAML, num_way: int):
        self.method, self.score, self.optimizer = method, accuracy(num_way), method._optimizer
        self.labels = {"query_accuracy": "query, after adaptation"}

    def tensors(self):
        """The initialisation."""
        return {f"theta.{name}": tensor for name, tensor in self.method._meta_parameters.items()}

    def measure(self, batch, train):
        """Loss and accuracy of a batch of tasks; the loss carries the outer gradient, as the trainer wants it."""
        gradient, value, query = self.method._outer_gradient(batch)
        loss = torch.as_tensor(value)
        if train:  # its value is the loss, its gradient with respect to theta the one that was computed
            theta = self.method._meta_parameters
            loss = loss + sum(((theta[name] - theta[name].detach()) * gradient[name]).sum() for name in theta)
        return loss, {"query_accuracy": query}


@click.command()
@task_settings(num_tasks=16)
@setting("--num-inner-steps", type=COUNT, default=1, help="k, steps of the inner loop.")
@setting("--inner-lr", type=float, default=0.4, help="alpha, the learning rate of the inner loop.")
@setting("--outer-lr", type=float, default=1e-3, help="Of Adam, in the outer loop.")
@program("first_order", num_iterations=5_000)
def command(run: Run):
    """Train first-order MAML."""
    names = ("num_way", "num_inner_steps", "inner_lr", "outer_lr")
    method = FirstOrderMAML(*(run.settings[name] for name in names), run.folder, run.device)
    train_on_tasks(run, FirstOrderLearner(method, run.settings["num_way"]))


RECIPES = {
    "course-first-order-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-tasks 4 --outer-lr 0.003 --num-iterations 2000 --val-interval 500",
        0.80,
        "the course",
    )
}
