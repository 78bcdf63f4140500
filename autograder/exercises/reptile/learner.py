"""How the training program builds, trains and tests Reptile, on Omniglot or on sinusoids, and the runs reported.

The paper's accuracy is of Nichol et al. (2018), table 2, 97.68% with transduction: batch normalisation sees all queries
of a task at once, as here; without it is 95.39%. Their inner loop is Adam without momentum, here it is plain gradient
descent, with another rate.
"""

import click
import torch

from hw2 import sinusoids, util
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
        share_done: from outer steps to the share of the training that is over; by num_iterations if None.
    """

    def __init__(self, reptile: Reptile, num_way: int, num_iterations: int, num_test_steps: int, share_done=None):
        self.reptile, self.score = reptile, accuracy(num_way)
        self.num_test_steps = num_test_steps
        self.share_done = share_done or (lambda done: min(1.0, done / num_iterations))
        self.done = torch.zeros(())
        self.optimizer = torch.optim.SGD([torch.zeros((), requires_grad=True)], lr=0.0)
        self.labels = {"query_accuracy": "query, after adaptation", "support_accuracy": "support, after adaptation"}

    def tensors(self):
        """The initialisation, and how many outer steps there were."""
        return {**{f"theta.{n}": t for n, t in self.reptile._meta_parameters.items()}, "done": self.done}

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks, adapted to their supports; in training of the first, then a step."""
        measured = [self._measure(task) for task in (batch[:1] if train else batch)]
        loss, *scores = (sum(values) / len(measured) for values in zip(*measured, strict=True))
        if train:
            self.reptile._outer_step(batch, self.share_done(self.done.item()))
            self.done += 1
        return torch.tensor(loss, requires_grad=train), dict(zip(self.labels, scores, strict=True))

    def _adapt(self, images, labels):
        """Parameters after the steps of a test."""
        trained, self.reptile._num_inner_steps = self.reptile._num_inner_steps, self.num_test_steps
        phi = self.reptile._inner_loop(images, labels)
        self.reptile._num_inner_steps = trained
        return phi

    def _measure(self, task):
        """Loss of a task's query after adaptation, and the scores in the order of the labels."""
        images_support, labels_support, images_query, labels_query = (part.to(self.reptile.device) for part in task)
        phi = self._adapt(images_support, labels_support)
        with torch.no_grad():
            query, support = (self.reptile._forward(images, phi) for images in (images_query, images_support))
            loss = torch.nn.functional.cross_entropy(query, labels_query).item()
        return loss, util.score(query, labels_query), util.score(support, labels_support)


class SinusoidReptile(Reptile):
    """The Reptile of hw2/reptile.py with the network of hw2/sinusoids.py in the place of its own."""

    def __init__(self, num_inner_steps, inner_lr, batch_size, outer_lr, log_dir, device="cpu"):
        super().__init__(1, num_inner_steps, inner_lr, batch_size, outer_lr, log_dir, device)
        parameters = sinusoids.initial_parameters(self.device)
        self._meta_parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}

    def _forward(self, images, parameters):
        """Predictions (n, 1) for numbers (n, 1)."""
        return sinusoids.predictions(images, parameters)


class SinusoidReptileLearner(ReptileLearner):
    """Reptile on sinusoids, as the trainer sees it."""

    def __init__(self, reptile: SinusoidReptile, num_iterations: int, num_test_steps: int, share_done=None):
        super().__init__(reptile, 2, num_iterations, num_test_steps, share_done)
        self.score = sinusoids.ERROR
        self.labels = {"query_error": "query, after adaptation", "unadapted_error": "query, before adaptation"}

    def measure(self, batch, train):
        """Loss and errors of a batch of tasks."""
        return super().measure(sinusoids.tensors(batch, self.reptile.device), train)

    def _measure(self, task):
        inputs_support, targets_support, *query = task
        phi = self._adapt(inputs_support, targets_support)
        after, before = (
            sinusoids.squared_error(self.reptile, parameters, *query)
            for parameters in (phi, self.reptile._meta_parameters)
        )
        return after, after, before


@click.command()
@sinusoids.domain(default="omniglot")
@task_settings(num_tasks=5)
@setting("--num-inner-steps", type=COUNT, default=5, help="k, steps of the inner loop in training.")
@setting("--num-test-steps", type=COUNT, default=20, help="Steps of the inner loop where it is measured.")
@setting("--inner-lr", type=float, default=1.0, help="alpha, the learning rate of the inner loop.")
@setting("--batch-size", type=COUNT, default=10, help="Drawings in a minibatch of the inner loop.")
@setting("--outer-lr", type=float, default=0.5, help="epsilon when training begins; it falls to 0.")
@program("reptile", num_iterations=2_000)
def command(run: Run):
    """Train Reptile on Omniglot or on sinusoids, where --inner-lr 0.02 is a good rate."""
    settings = run.settings
    names = ("num_inner_steps", "inner_lr", "batch_size", "outer_lr")
    given = (*(settings[name] for name in names), run.folder, run.device)
    steps, share_done = settings["num_test_steps"], run.share_done
    if settings["domain"] == "sinusoids":
        learner = SinusoidReptileLearner(SinusoidReptile(*given), run.num_iterations, steps, share_done)
        sinusoids.train_on_sinusoids(run, learner)
    else:
        reptile = Reptile(settings["num_way"], *given)
        train_on_tasks(run, ReptileLearner(reptile, settings["num_way"], run.num_iterations, steps, share_done))


RECIPES = {
    "course-reptile-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-iterations 2000 --val-interval 500", 0.83, "the course"
    ),
    "course-reptile-sinusoids": Recipe(
        "--domain sinusoids --num-support 10 --num-query 40 --num-inner-steps 5 --num-test-steps 10 --inner-lr 0.02 "
        "--num-iterations 10000 --val-interval 500",
        0.25,
        "the course",
        percent=False,
    ),
    "paper-reptile-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-query 9 --num-inner-steps 5 --batch-size 10 --outer-lr 1.0 --num-tasks 5 "
        "--num-test-steps 50 --rotations --num-iterations 100000 --val-interval 1000",
        0.977,
        "Nichol et al. (2018)",
    ),
}
