"""How the training program builds, trains and tests the LSTM meta-learner, and the run that the course reports.

Ravi and Larochelle (2017) report no accuracy on Omniglot, so there is no recipe of theirs.
"""

import click

from hw2.lstm_meta_learner import LSTMMetaLearner
from hw2.training import task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, accuracy, program, setting


class LSTMMetaLearnerLearner:
    """The LSTM meta-learner, as the trainer sees it."""

    def __init__(self, method: LSTMMetaLearner, num_way: int):
        self.method, self.score, self.optimizer = method, accuracy(num_way), method._optimizer
        self.labels = {
            "query_accuracy": "query, after adaptation",
            "support_accuracy": "support, after adaptation",
            "unadapted_support_accuracy": "support, before adaptation",
        }

    def tensors(self):
        """The cell from which tasks start, and the gates' weights."""
        cell = {f"cell.{name}": tensor for name, tensor in self.method._meta_parameters.items()}
        return cell | {f"gates.{name}": tensor for name, tensor in self.method._gates.items()}

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks."""
        loss, accuracies, query = self.method._outer_step(batch, train)
        if train and not loss.requires_grad:
            raise click.ClickException(
                "The outer loss has no graph, so nothing can be learned: is the cell detached in "
                "hw2/lstm_meta_learner.py?"
            )
        first, last = accuracies[0], accuracies[-1]
        return loss, {"query_accuracy": query, "support_accuracy": last, "unadapted_support_accuracy": first}


@click.command()
@task_settings(num_tasks=16)
@setting("--num-inner-steps", type=COUNT, default=3, help="T, steps of the LSTM.")
@setting(
    "--inner-lr",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    help="About what the input gate is when training begins.",
)
@setting("--outer-lr", type=float, default=1e-3, help="Of Adam, in the outer loop.")
@program("lstm_meta_learner", num_iterations=5_000)
def command(run: Run):
    """Train the LSTM meta-learner."""
    names = ("num_way", "num_inner_steps", "inner_lr", "outer_lr")
    method = LSTMMetaLearner(*(run.settings[name] for name in names), run.folder, run.device)
    train_on_tasks(run, LSTMMetaLearnerLearner(method, run.settings["num_way"]))


RECIPES = {
    "course-lstm-meta-learner-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-tasks 4 --outer-lr 0.003 --num-iterations 2000 --val-interval 500",
        0.83,
        "the course",
    )
}
