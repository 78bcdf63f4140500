"""How the training program builds, trains and tests MAML++."""

import click
import torch

from hw2.maml_plus_plus import MAMLPlusPlus
from hw2.training import task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, accuracy, program, setting


class MAMLPlusPlusLearner:
    """MAML++, as the trainer sees it: it counts the iterations by which everything is annealed."""

    def __init__(self, method: MAMLPlusPlus, num_way: int):
        self.method, self.score, self.optimizer = method, accuracy(num_way), method._optimizer
        self.labels = {"query_accuracy": "query, after the last step", "first_query_accuracy": "query, after one step"}
        self._done = torch.zeros(1)

    def tensors(self):
        """The initialisation, what belongs to each inner step, and the number of iterations that were trained."""
        parts = {
            "theta": self.method._meta_parameters,
            "alpha": self.method._inner_lrs,
            "norms": self.method._norms,
            "statistics": self.method._statistics,
        }
        named = {f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}
        return named | {"iterations": self._done}

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks; where it trains, an iteration of the annealings."""
        if train:
            self.method._begin(int(self._done))
            self._done += 1
        loss, accuracies = self.method._outer_step(batch, train)
        if train and not loss.requires_grad:
            raise click.ClickException(
                "The outer loss has no graph, so nothing can be learned: is something detached in "
                "hw2/maml_plus_plus.py?"
            )
        return loss, {"query_accuracy": accuracies[-1], "first_query_accuracy": accuracies[0]}


@click.command()
@task_settings(num_tasks=16)
@setting("--num-inner-steps", type=COUNT, default=3, help="T, steps of the inner loop.")
@setting("--inner-lr", type=float, default=0.1, help="What all rates alpha are when training begins.")
@setting("--outer-lr", type=float, default=1e-3, help="Of Adam, in the outer loop, in the beginning.")
@setting("--annealed-over", type=COUNT, default=2_000, help="Iterations after which all annealing is over.")
@program("maml_plus_plus", num_iterations=2_000)
def command(run: Run):
    """Train MAML++."""
    names = ("num_way", "num_inner_steps", "inner_lr", "outer_lr", "annealed_over")
    method = MAMLPlusPlus(*(run.settings[name] for name in names), run.folder, run.device)
    train_on_tasks(run, MAMLPlusPlusLearner(method, run.settings["num_way"]))


RECIPES = {
    "course-maml-plus-plus-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-tasks 4 --outer-lr 0.003 --num-iterations 2000 --val-interval 500",
        0.88,
        "the course",
    )
}
