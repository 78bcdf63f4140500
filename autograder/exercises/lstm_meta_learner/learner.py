"""How the training program builds, trains and tests the LSTM meta-learner, and the run that the course reports.

Ravi and Larochelle (2017) report no accuracy on Omniglot, so there is no recipe of theirs.
"""

import click

from hw2.lstm_meta_learner import LSTMMetaLearner
from hw2.training import OuterLossLearner, task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, program, setting


class LSTMMetaLearnerLearner(OuterLossLearner):
    """The LSTM meta-learner, as the trainer sees it: it learns where tasks start, and the gates' weights."""

    def __init__(self, method: LSTMMetaLearner, num_way: int):
        super().__init__(method, num_way, {"cell": "_meta_parameters", "gates": "_gates"})


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
