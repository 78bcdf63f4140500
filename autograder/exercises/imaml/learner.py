"""How the training program builds, trains and tests iMAML, and the runs that course and paper report.

The paper's accuracy is of Rajeswaran et al. (2019), table 2, 99.16% with gradient descent in the inner loop: 16 steps
of rate 0.1, lambda = 2, 5 steps of conjugate gradient.
"""

import click

from hw2 import network
from hw2.imaml import IMAML
from hw2.training import OuterGradientLearner, task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, program, setting


@click.command()
@task_settings(num_tasks=16)
@setting("--num-inner-steps", type=COUNT, default=5, help="Steps of the inner loop.")
@setting("--inner-lr", type=float, default=0.4, help="alpha, the learning rate of the inner loop.")
@setting("--regularization", type=float, default=2.0, help="lambda, the strength of the proximal term.")
@setting("--num-cg-steps", type=COUNT, default=5, help="Steps of conjugate gradient.")
@setting("--num-filters", type=COUNT, default=network.NUM_HIDDEN_CHANNELS, help="Of each convolution.")
@setting("--outer-lr", type=float, default=1e-3, help="Of Adam, in the outer loop.")
@program("imaml", num_iterations=5_000)
def command(run: Run):
    """Train iMAML."""
    network.NUM_HIDDEN_CHANNELS = run.settings["num_filters"]  # which the constructor reads
    names = ("num_way", "num_inner_steps", "inner_lr", "regularization", "num_cg_steps", "outer_lr")
    method = IMAML(*(run.settings[name] for name in names), run.folder, run.device)
    train_on_tasks(run, OuterGradientLearner(method, run.settings["num_way"]))


RECIPES = {
    "course-imaml-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-query 5 --num-tasks 4 --num-inner-steps 3 --regularization 0.5 "
        "--num-cg-steps 3 --outer-lr 0.003 --num-iterations 1000 --val-interval 250",
        0.63,
        "the course",
    ),
    "paper-imaml-5w1s": Recipe(
        "--num-way 5 --num-support 1 --num-query 1 --num-inner-steps 16 --inner-lr 0.1 --regularization 2 "
        "--num-cg-steps 5 --num-tasks 32 --num-filters 64 --rotations --num-iterations 20000 --val-interval 500",
        0.992,
        "Rajeswaran et al. (2019)",
    ),
}
