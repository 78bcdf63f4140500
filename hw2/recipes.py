"""The runs that the course and the papers report: python -m hw2.train --recipe NAME.

Accuracies of the papers are on 28x28 Omniglot with four classes of each character by rotation. MAML's are of Finn et
al. (2017), table 1 and section A.1: 64 filters, as many query as support drawings, 60,000 iterations. ProtoNet's are of
Snell et al. (2017), table 1 and section 3.1: 60-way episodes with 5 queries, the learning rate halved every 2,000 of
them, the split of Vinyals et al. (2016).
"""

from trainer import Recipe

COURSE = "the course"
FINN = "Finn et al. (2017)"
FINN_CODE = "Finn et al. (2017), with the inner rate of their code"
SNELL = "Snell et al. (2017)"
SNELL_CODE = "Snell et al. (2017), trained on the validation classes too, as in their code"


def _maml(way, shot, accuracy, first_order=False, source=FINN):
    """MAML as in section A.1: with 5 ways adapted by three steps at the test, with 20 by as many as in training.

    The published code descends the sum of the support's cross entropies over K, N times their mean: its inner rate is
    5 * 0.4 and 20 * 0.1 by the mean.
    """
    steps, tasks, rate = (1, 32, 0.4) if way == 5 else (5, 16, 0.1)
    rate = rate if source == FINN else way * rate
    return Recipe(
        f"maml --num-way {way} --num-support {shot} --num-query {shot} --num-inner-steps {steps} --inner-lr {rate} "
        f"--num-tasks {tasks} --num-filters 64 --rotations --num-iterations 60000 --val-interval 500"
        f"{' --first-order' if first_order else ''}",
        accuracy,
        source,
        test="--num-inner-steps 3" if way == 5 else "",
    )


def _protonet(way, shot, accuracy, source=SNELL):
    """ProtoNet as in section 3.1: trained on 60 ways with the shots of the test, for up to 30,000 episodes.

    The published code then trains anew on the classes of training and validation together.
    """
    split = "vinyals" if source == SNELL else "vinyals-trainval"
    return Recipe(
        f"protonet --num-way 60 --num-support {shot} --num-query 5 --num-tasks 1 --split {split} --rotations "
        "--halve-every 2000 --num-iterations 30000 --val-interval 500",
        accuracy,
        source,
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
    "code-maml-5w1s": _maml(5, 1, 0.987, source=FINN_CODE),
    "code-maml-5w5s": _maml(5, 5, 0.999, source=FINN_CODE),
    "code-maml-20w1s": _maml(20, 1, 0.958, source=FINN_CODE),
    "code-maml-20w5s": _maml(20, 5, 0.989, source=FINN_CODE),
    "paper-protonet-5w1s": _protonet(5, 1, 0.988),
    "paper-protonet-5w5s": _protonet(5, 5, 0.997),
    "paper-protonet-20w1s": _protonet(20, 1, 0.960),
    "paper-protonet-20w5s": _protonet(20, 5, 0.989),
    "code-protonet-5w1s": _protonet(5, 1, 0.988, SNELL_CODE),
    "code-protonet-5w5s": _protonet(5, 5, 0.997, SNELL_CODE),
    "code-protonet-20w1s": _protonet(20, 1, 0.960, SNELL_CODE),
    "code-protonet-20w5s": _protonet(20, 5, 0.989, SNELL_CODE),
}
