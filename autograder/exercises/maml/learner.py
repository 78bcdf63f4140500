"""How the training program builds, trains and tests MAML, on Omniglot or on sinusoids, and the runs that are reported.

The paper's accuracies are of Finn et al. (2017), table 1 and section A.1, on 28x28 Omniglot with four classes of each
character by rotation: 64 filters, as many query as support drawings, 60,000 iterations. On sinusoids (section 5.1) it
is trained with one step of rate 0.01 and tested after ten, for 70,000 iterations; the errors are in figures.
"""

import click
import torch

from hw2 import maml as maml_module
from hw2 import sinusoids
from hw2.maml import MAML
from hw2.training import task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, accuracy, program, setting

COURSE = "the course"
FINN = "Finn et al. (2017)"
FINN_CODE = "Finn et al. (2017), with the inner rate of their code"


class MAMLLearner:
    """MAML, as the trainer sees it."""

    def __init__(self, maml: MAML, num_way: int, first_order: bool = False):
        self.maml, self.score, self.optimizer = maml, accuracy(num_way), maml._optimizer
        self.second_order = not first_order
        self.labels = {
            "query_accuracy": "query, after adaptation",
            "support_accuracy": "support, after adaptation",
            "unadapted_support_accuracy": "support, before adaptation",
        }

    def tensors(self):
        """The initialisation and the inner learning rates."""
        theta = {f"theta.{name}": tensor for name, tensor in self.maml._meta_parameters.items()}
        return theta | {f"inner_lr.{name}": tensor for name, tensor in self.maml._inner_lrs.items()}

    def step(self, batch, train):
        """What MAML._outer_step returns. Without second order, no graph is made of the inner gradients."""
        result = self.maml._outer_step(batch, train and self.second_order)
        if train and not result[0].requires_grad:
            raise click.ClickException(
                "The outer loss has no graph, so nothing can be learned. --first-order calls _outer_step with "
                "train=False: there the adapted parameters must stay connected with theta, without detach()."
                if not self.second_order
                else "The outer loss has no graph, so nothing can be learned: is something detached in hw2/maml.py?"
            )
        return result

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks."""
        loss, accuracies_support, accuracy_query = self.step(batch, train)
        return loss, {
            "query_accuracy": accuracy_query,
            "support_accuracy": accuracies_support[-1],
            "unadapted_support_accuracy": accuracies_support[0],
        }


class SinusoidMAML(MAML):
    """The MAML of hw2/maml.py with the network of hw2/sinusoids.py in the place of its own."""

    def __init__(self, num_inner_steps, inner_lr, learn_inner_lrs, outer_lr, log_dir, device="cpu"):
        super().__init__(1, num_inner_steps, inner_lr, learn_inner_lrs, outer_lr, log_dir, device)
        parameters = sinusoids.initial_parameters(self.device)
        self._meta_parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
        self._inner_lrs = {
            name: torch.tensor(inner_lr, device=self.device, requires_grad=learn_inner_lrs) for name in parameters
        }
        learned = [*self._meta_parameters.values(), *(self._inner_lrs.values() if learn_inner_lrs else [])]
        self._optimizer = torch.optim.Adam(learned, lr=outer_lr)

    def _forward(self, images, parameters):
        """Predictions (n, 1) for numbers (n, 1)."""
        return sinusoids.predictions(images, parameters)


class SinusoidMAMLLearner(MAMLLearner):
    """MAML on sinusoids, as the trainer sees it."""

    def __init__(self, maml: SinusoidMAML, first_order: bool = False):
        super().__init__(maml, num_way=2, first_order=first_order)
        self.score = sinusoids.ERROR
        self.labels = {"query_error": "query, after adaptation", "unadapted_error": "query, before adaptation"}

    def measure(self, batch, train):
        """Loss and errors of a batch of tasks."""
        tasks = sinusoids.tensors(batch, self.maml.device)
        loss, _, _ = self.step(tasks, train)
        inputs, targets = (torch.cat([task[part] for task in tasks]) for part in (2, 3))
        before = sinusoids.squared_error(self.maml, self.maml._meta_parameters, inputs, targets)
        return loss, {"query_error": loss.item(), "unadapted_error": before}


@click.command()
@sinusoids.domain(default="omniglot")
@task_settings(num_tasks=16)
@setting("--num-inner-steps", type=click.IntRange(min=0), default=1, help="Steps of the inner loop.")
@setting("--inner-lr", type=float, default=0.4, help="alpha, the learning rate of the inner loop.")
@setting("--learn-inner-lrs", is_flag=True, help="Learn the inner learning rates too.")
@setting("--first-order", is_flag=True, help="Take the gradients of the inner loop for constants.")
@setting("--num-filters", type=COUNT, default=maml_module.NUM_HIDDEN_CHANNELS, help="Of each convolution.")
@setting("--outer-lr", type=float, default=1e-3, help="Of Adam, in the outer loop.")
@program("maml", num_iterations=5_000)
def command(run: Run):
    """Train MAML on Omniglot or on sinusoids, where --inner-lr 0.01 is a good rate."""
    settings = run.settings
    maml_module.NUM_HIDDEN_CHANNELS = settings["num_filters"]  # which its constructor reads
    names = ("num_inner_steps", "inner_lr", "learn_inner_lrs", "outer_lr")
    given = (*(settings[name] for name in names), run.folder, run.device)
    if settings["domain"] == "sinusoids":
        sinusoids.train_on_sinusoids(run, SinusoidMAMLLearner(SinusoidMAML(*given), settings["first_order"]))
    else:
        train_on_tasks(
            run, MAMLLearner(MAML(settings["num_way"], *given), settings["num_way"], settings["first_order"])
        )


def _paper(way, shot, accuracy, first_order=False, source=FINN):
    """MAML as in section A.1: with 5 ways adapted by three steps at the test, with 20 by as many as in training.

    The published code descends the sum of the support's cross entropies over K, N times their mean: its inner rate is
    5 * 0.4 and 20 * 0.1 by the mean.
    """
    steps, tasks, rate = (1, 32, 0.4) if way == 5 else (5, 16, 0.1)
    rate = rate if source == FINN else way * rate
    return Recipe(
        f"--num-way {way} --num-support {shot} --num-query {shot} --num-inner-steps {steps} --inner-lr {rate} "
        f"--num-tasks {tasks} --num-filters 64 --rotations --num-iterations 60000 --val-interval 500"
        f"{' --first-order' if first_order else ''}",
        accuracy,
        source,
        test="--num-inner-steps 3" if way == 5 else "",
    )


RECIPES = {
    "course-maml-5w1s": Recipe("--num-way 5 --num-support 1 --num-iterations 15000 --val-interval 250", 0.93, COURSE),
    "course-maml-sinusoids": Recipe(
        "--domain sinusoids --num-support 10 --num-query 10 --num-inner-steps 1 --inner-lr 0.01 --outer-lr 0.003 "
        "--num-iterations 10000 --val-interval 500",
        0.2,
        COURSE,
        test="--num-inner-steps 10",
        percent=False,
    ),
    "paper-maml-5w1s": _paper(5, 1, 0.987),
    "paper-maml-5w5s": _paper(5, 5, 0.999),
    "paper-maml-20w1s": _paper(20, 1, 0.958),
    "paper-maml-20w5s": _paper(20, 5, 0.989),
    "paper-fomaml-5w1s": _paper(5, 1, 0.983, first_order=True),
    "paper-fomaml-5w5s": _paper(5, 5, 0.992, first_order=True),
    "paper-fomaml-20w1s": _paper(20, 1, 0.894, first_order=True),
    "paper-fomaml-20w5s": _paper(20, 5, 0.979, first_order=True),
    "code-maml-5w1s": _paper(5, 1, 0.987, source=FINN_CODE),
    "code-maml-5w5s": _paper(5, 5, 0.999, source=FINN_CODE),
    "code-maml-20w1s": _paper(20, 1, 0.958, source=FINN_CODE),
    "code-maml-20w5s": _paper(20, 5, 0.989, source=FINN_CODE),
}
