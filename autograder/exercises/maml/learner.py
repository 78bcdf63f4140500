"""How the training program builds, trains and tests MAML, and the runs that course and paper report.

The paper's accuracies are of Finn et al. (2017), table 1 and section A.1, on 28x28 Omniglot with four classes of each
character by rotation: 64 filters, as many query as support drawings, 60,000 iterations.
"""

import click

from hw2 import maml as maml_module
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


@click.command()
@task_settings(num_tasks=16)
@setting("--num-inner-steps", type=click.IntRange(min=0), default=1, help="Steps of the inner loop.")
@setting("--inner-lr", type=float, default=0.4, help="alpha, the learning rate of the inner loop.")
@setting("--learn-inner-lrs", is_flag=True, help="Learn the inner learning rates too.")
@setting("--first-order", is_flag=True, help="Take the gradients of the inner loop for constants.")
@setting("--num-filters", type=COUNT, default=maml_module.NUM_HIDDEN_CHANNELS, help="Of each convolution.")
@setting("--outer-lr", type=float, default=1e-3, help="Of Adam, in the outer loop.")
@program("maml", num_iterations=5_000)
def command(run: Run):
    """Train MAML."""
    maml_module.NUM_HIDDEN_CHANNELS = run.settings["num_filters"]  # which its constructor reads
    names = ("num_way", "num_inner_steps", "inner_lr", "learn_inner_lrs", "outer_lr")
    method = MAML(*(run.settings[name] for name in names), run.folder, run.device)
    train_on_tasks(run, MAMLLearner(method, run.settings["num_way"], run.settings["first_order"]))


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
