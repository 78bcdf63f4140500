"""How the training program builds, trains and tests CAVIA, on sinusoids or on Omniglot.

The network for sinusoids is that of Zintgraf et al. (2019), two hidden layers of 40 units, but for its FiLM layer: the
paper gives the context to the first layer beside x, which shifts and does not scale. A recipe with the paper's numbers
is left out for that reason.
"""

import click
import torch

from hw2 import sinusoids, util
from hw2.cavia import CAVIA, CAVIAClassifier, CAVIARegressor
from hw2.training import task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, accuracy, program, setting


class CAVIALearner:
    """CAVIA, as the trainer sees it.

    Args:
        cavia: a regressor or a classifier.
        num_way: N for a classifier; None for a regressor.
    """

    def __init__(self, cavia: CAVIA, num_way: int | None = None):
        self.cavia, self.num_way, self.optimizer = cavia, num_way, cavia._optimizer
        if num_way is None:
            self.score = sinusoids.ERROR
            self.labels = {"query_error": "query, after adaptation", "unadapted_error": "query, with a context of 0"}
        else:
            self.score = accuracy(num_way)
            self.labels = {
                "query_accuracy": "query, after adaptation",
                "unadapted_accuracy": "query, with a context of 0",
            }

    def tensors(self):
        """The shared parameters; no context is kept."""
        return {f"theta.{name}": tensor for name, tensor in self.cavia._meta_parameters.items()}

    def measure(self, batch, train):
        """Loss of a batch of tasks, and how right the queries are with their contexts and without."""
        if self.num_way is None:
            tasks = sinusoids.tensors(batch, self.cavia.device)
        else:
            tasks = [tuple(part.to(self.cavia.device) for part in task) for task in batch]
        loss = self.cavia._outer_step(tasks, train)
        if train and not loss.requires_grad:
            raise click.ClickException(
                "The outer loss has no graph, so nothing can be learned: is something detached in hw2/cavia.py?"
            )
        measured = [self._measured(task) for task in (tasks[:1] if train else tasks)]
        adapted, unadapted = (sum(values) / len(measured) for values in zip(*measured, strict=True))
        return loss, dict(zip(self.labels, (adapted, unadapted), strict=True))

    def _measured(self, task):
        """Accuracies, or squared errors, of a query under the adapted context and under zeros."""
        inputs_support, targets_support, inputs_query, targets_query = task
        context = self.cavia._inner_loop(inputs_support, targets_support, train=False)
        error = self.cavia._loss if self.num_way is None else util.score
        with torch.no_grad():
            phis = (context, torch.zeros_like(context))
            outputs = [self.cavia._forward(inputs_query, phi, self.cavia._meta_parameters) for phi in phis]
        return [float(error(each, targets_query)) for each in outputs]


@click.command()
@sinusoids.domain(default="sinusoids")
@task_settings(num_tasks=16)
@setting("--num-context", type=COUNT, default=2, help="Context parameters.")
@setting("--num-inner-steps", type=click.IntRange(min=0), default=1, help="Steps of the inner loop.")
@setting("--inner-lr", type=float, default=1.0, help="alpha, the learning rate of the inner loop.")
@setting("--outer-lr", type=float, default=3e-3, help="Of Adam, in the outer loop.")
@program("cavia", num_iterations=10_000)
def command(run: Run):
    """Train CAVIA on sinusoids, which need no drawings, or on Omniglot."""
    settings = run.settings
    names = ("num_context", "num_inner_steps", "inner_lr", "outer_lr")
    given = (*(settings[name] for name in names), run.folder, run.device)
    if settings["domain"] == "omniglot":
        train_on_tasks(run, CAVIALearner(CAVIAClassifier(settings["num_way"], *given), settings["num_way"]))
    else:
        sinusoids.train_on_sinusoids(run, CAVIALearner(CAVIARegressor(*given)))


ON_DRAWINGS = "--domain omniglot --num-context 100 --inner-lr 10"  # where it is compared, as no recipe is for drawings

RECIPES = {
    "course-cavia-sinusoids": Recipe("--num-support 10 --num-query 10", 0.3, "the course", percent=False),
}
