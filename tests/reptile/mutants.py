"""Wrong solutions of Reptile, the frequent mistakes first."""

from autograder.instructor.quality.mutants import Mutant

ONE_STEP = ("test_one_step_descends",)
EACH_STEP = ("test_each_step_starts_from_the_last",)
OUTER = ("test_outer_step_moves_towards_the_mean",)
MOVE = "parameters + self._outer_lr * (adapted - parameters).mean(dim=0)"

MUTANTS: list[Mutant] = [
    Mutant("uphill", (("adapted - self._inner_lr", "adapted + self._inner_lr"),), ONE_STEP, "the step goes uphill"),
    Mutant("one step", (("range(num_steps)", "range(1)"),), EACH_STEP, "only one inner step is taken"),
    Mutant("one step too many", (("range(num_steps)", "range(num_steps + 1)"),), ONE_STEP, "there is a step too many"),
    Mutant("away", (("(adapted - parameters)", "(parameters - adapted)"),), OUTER, "it moves away from the tasks"),
    Mutant("sum", ((".mean(dim=0)", ".sum(dim=0)"),), OUTER, "the differences are summed over the tasks"),
    Mutant("all the way", ((MOVE, "adapted.mean(dim=0)"),), OUTER, "it moves all the way, whatever outer_lr is"),
]
