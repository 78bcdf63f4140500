"""The runs that the course and the papers report: python -m hw2.train --recipe NAME.

Accuracies of the papers are on 28x28 Omniglot with four classes of each character by rotation. MAML's are of Finn et
al. (2017), table 1 and section A.1: 64 filters, as many query as support drawings, 60,000 iterations. ProtoNet's are of
Snell et al. (2017), table 1 and section 3.1: 60-way episodes with 5 queries, the learning rate halved every 2,000 of
them, the split of Vinyals et al. (2016).
"""

from trainer import Recipe

COURSE = "the course"
FINN = "Finn et al. (2017)"
SNELL = "Snell et al. (2017)"


def _maml(way, shot, accuracy, first_order=False):
    """MAML as in section A.1: with 5 ways adapted by three steps at the test, with 20 by as many as in training."""
    inner = "--inner-lr 0.4 --num-tasks 32" if way == 5 else "--num-inner-steps 5 --inner-lr 0.1 --num-tasks 16"
    return Recipe(
        f"maml --num-way {way} --num-support {shot} --num-query {shot} {inner} --num-filters 64 --rotations "
        f"--num-iterations 60000 --val-interval 500{' --first-order' if first_order else ''}",
        accuracy,
        FINN,
        test="--num-inner-steps 3" if way == 5 else "",
    )


def _protonet(way, shot, accuracy):
    """ProtoNet as in section 3.1: trained on 60 ways with the shots of the test, for up to 30,000 episodes."""
    return Recipe(
        f"protonet --num-way 60 --num-support {shot} --num-query 5 --num-tasks 1 --split vinyals --rotations "
        "--halve-every 2000 --num-iterations 30000 --val-interval 500",
        accuracy,
        SNELL,
        test=f"--num-way {way} --num-query 15",
    )


RECIPES = {
    "course-protonet-5w5s": Recipe("protonet --num-way 5 --num-support 5", 0.97, COURSE),
    "course-maml-5w1s": Recipe(
        "maml --num-way 5 --num-support 1 --num-iterations 15000 --val-interval 250", 0.93, COURSE
    ),
    "paper-maml-5w1s": _maml(5, 1, 0.987),
    "paper-maml-5w5s": _maml(5, 5, 0.999),
    "paper-maml-20w1s": _maml(20, 1, 0.958),
    "paper-maml-20w5s": _maml(20, 5, 0.989),
    "paper-fomaml-5w1s": _maml(5, 1, 0.983, first_order=True),
    "paper-fomaml-5w5s": _maml(5, 5, 0.992, first_order=True),
    "paper-fomaml-20w1s": _maml(20, 1, 0.894, first_order=True),
    "paper-fomaml-20w5s": _maml(20, 5, 0.979, first_order=True),
    "paper-protonet-5w1s": _protonet(5, 1, 0.988),
    "paper-protonet-5w5s": _protonet(5, 5, 0.997),
    "paper-protonet-20w1s": _protonet(20, 1, 0.960),
    "paper-protonet-20w5s": _protonet(20, 5, 0.989),
}
