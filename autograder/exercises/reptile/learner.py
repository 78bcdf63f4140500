"""How the training program builds, trains and tests Reptile, and the run that the paper reports.

The paper's accuracy is of Nichol et al. (2018), table 2, 97.68% with transduction: batch normalisation sees all queries
of a task at once, as here; without it is 95.39%. Their inner loop is Adam without momentum, here it is plain gradient
descent, with another rate.
"""

import click
import torch

from hw2 import util
from hw2.reptile import Reptile
from hw2.training import task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, accuracy, program, setting


class ReptileLearner:
    """Reptile, as the trainer sees it: its outer step is its own, and the trainer's optimizer has nothing to do.

    Args:
        reptile: the method.
        num_way: N.
        num_iterations: of the training, in which epsilon falls to 0.
        num_test_steps: of the inner loop where it is measured.
    """

    def __init__(self, reptile: Reptile, num_way: int, num_iterations: int, num_test_steps: int):
        self.reptile, self.score = reptile, accuracy(num_way)
        self.num_iterations, self.num_test_steps = num_iterations, num_test_steps
        self.done = torch.zeros(())
        self.optimizer = torch.optim.SGD([torch.zeros((), requires_grad=True)], lr=0.0)
        self.labels = {"query_accuracy": "query, after adaptation", "support_accuracy": "support, after adaptation"}

    def tensors(self):
        """The initialisation, and how many outer steps there were."""
        return {**{f"theta.{n}": t for n, t in self.reptile._meta_parameters.items()}, "done": self.done}

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks, adapted to their supports; in training of the first, then a step."""
        measured = [self._measure(task) for task in (batch[:1] if train else batch)]
        loss, query, support = (sum(values) / len(measured) for values in zip(*measured, strict=True))
        if train:
            self.reptile._outer_step(batch, min(1.0, self.done.item() / self.num_iterations))
            self.done += 1
        return torch.tensor(loss, requires_grad=train), {"query_accuracy": query, "support_accuracy": support}

    def _measure(self, task):
        images_support, labels_support, images_query, labels_query = (part.to(self.reptile.device) for part in task)
        trained, self.reptile._num_inner_steps = self.reptile._num_inner_steps, self.num_test_steps
        phi = self.reptile._inner_loop(images_support, labels_support)
        self.reptile._num_inner_steps = trained
        with torch.no_grad():
            query, support = (self.reptile._forward(images, phi) for images in (images_query, images_support))
            loss = torch.nn.functional.cross_entropy(query, labels_query).item()
        return loss, util.score(query, labels_query), util.score(support, labels_support)


@click.command()
@task_settings(num_tasks=5)
@setting("--num-inner-steps", type=COUNT, default=5, help="k, steps of the inner loop in training.")
@setting("--num-test-steps", type=COUNT, default=20, help="Steps of the inner loop where it is measured.")
@setting("--inner-lr", type=float, default=1.0, help="alpha, the learning rate of the inner loop.")
@setting("--batch-size", type=COUNT, default=10, help="Drawings in a minibatch of the inner loop.")
@setting("--outer-lr", type=float, default=0.5, help="epsilon when training begins; it falls to 0.")
@program("reptile", num_iterations=2_000)
def command(run: Run):
    """Train Reptile."""
    names = ("num_way", "num_inner_steps", "inner_lr", "batch_size", "outer_lr")
    method = Reptile(*(run.settings[name] for name in names), run.folder, run.device)
    learner = ReptileLearner(method, run.settings["num_way"], run.num_iterations, run.settings["num_test_steps"])
    train_on_tasks(run, learner)


RECIPES = {
    "course-reptile-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-iterations 2000 --val-interval 500", 0.83, "the course"
    ),
    "paper-reptile-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-query 9 --num-inner-steps 5 --batch-size 10 --outer-lr 1.0 --num-tasks 5 "
        "--num-test-steps 50 --rotations --num-iterations 100000 --val-interval 1000",
        0.977,
        "Nichol et al. (2018)",
    ),
}
