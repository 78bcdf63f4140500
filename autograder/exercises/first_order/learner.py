"""How the training program builds, trains and tests first-order MAML, and the run that the course reports.

The paper's own runs are among MAML's recipes (--first-order there): Finn et al. (2017), table 1, 98.3% on 5-way 1-shot.
"""

import click

from hw2.first_order import FirstOrderMAML
from hw2.training import OuterGradientLearner, task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, program, setting


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
    train_on_tasks(run, OuterGradientLearner(method, run.settings["num_way"]))


RECIPES = {
    "course-first-order-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-tasks 4 --outer-lr 0.003 --num-iterations 2000 --val-interval 500",
        0.80,
        "the course",
    )
}
