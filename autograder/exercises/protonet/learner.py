"""How the training program builds, trains and tests a prototypical network, and the runs that course and paper report.

The paper's accuracies are of Snell et al. (2017), table 1 and section 3.1, on 28x28 Omniglot with four classes of each
character by rotation: 60-way episodes with 5 queries, the learning rate halved every 2,000 of them, the split of
Vinyals et al. (2016).
"""

import click
import torch

from hw2.protonet import ProtoNet
from hw2.training import task_settings, train_on_tasks
from trainer import COUNT, Recipe, Run, accuracy, program, setting

COURSE = "the course"
SNELL = "Snell et al. (2017)"
SNELL_CODE = "Snell et al. (2017), trained on the validation classes too, as in their code"


class ProtoNetLearner:
    """A prototypical network, as the trainer sees it."""

    def __init__(self, protonet: ProtoNet, num_way: int):
        self.protonet, self.score, self.optimizer = protonet, accuracy(num_way), protonet._optimizer
        self.labels = {"query_accuracy": "query", "support_accuracy": "support"}
        self.step = protonet._step

    def tensors(self):
        """The network's parameters and its running statistics of batch normalisation."""
        return self.protonet._network.state_dict()

    def measure(self, batch, train):
        """Loss and accuracies of a batch of tasks."""
        self.protonet._network.train(train)
        with torch.set_grad_enabled(train):
            loss, accuracy_support, accuracy_query = self.step(batch)
        return loss, {"query_accuracy": accuracy_query, "support_accuracy": accuracy_support}


@click.command()
@task_settings(num_tasks=4)
@setting("--learning-rate", type=float, default=1e-3, help="Of Adam.")
@setting("--halve-every", type=COUNT, help="Iterations after which the learning rate is halved, again and again.")
@program("protonet", num_iterations=2_000)
def command(run: Run):
    """Train a prototypical network."""
    method = ProtoNet(run.settings["learning_rate"], run.folder, run.device)
    train_on_tasks(run, ProtoNetLearner(method, run.settings["num_way"]))


def _paper(way, shot, accuracy, source=SNELL):
    """ProtoNet as in section 3.1: trained on 60 ways with the shots of the test, for up to 30,000 episodes.

    The published code then trains anew on the classes of training and validation together.
    """
    split = "vinyals" if source == SNELL else "vinyals-trainval"
    return Recipe(
        f"--num-way 60 --num-support {shot} --num-query 5 --num-tasks 1 --split {split} --rotations "
        "--halve-every 2000 --num-iterations 30000 --val-interval 500",
        accuracy,
        source,
        test=f"--num-way {way} --num-query 15",
    )


RECIPES = {
    "course-protonet-5w5s": Recipe("--num-way 5 --num-support 5", 0.97, COURSE),
    "paper-protonet-5w1s": _paper(5, 1, 0.988),
    "paper-protonet-5w5s": _paper(5, 5, 0.997),
    "paper-protonet-20w1s": _paper(20, 1, 0.960),
    "paper-protonet-20w5s": _paper(20, 5, 0.989),
    "code-protonet-5w1s": _paper(5, 1, 0.988, SNELL_CODE),
    "code-protonet-5w5s": _paper(5, 5, 0.997, SNELL_CODE),
    "code-protonet-20w1s": _paper(20, 1, 0.960, SNELL_CODE),
    "code-protonet-20w5s": _paper(20, 5, 0.989, SNELL_CODE),
}
