"""Methods that take a batch of tasks of characters and return a loss and accuracies: prototypical networks, say.

Their probe puts a linear network in the place of the solution's, so that numbers are comparable:

    from autograder.shapes.episodic.probe import Step, linear
    from autograder.shapes.training import character_tasks, load, minimise, tensors

    @in_double
    def step(module, tasks: list[TaskArrays], weight: Array, stand_ins: bool, batch_norm: bool = False) -> Step:
        method = module.ProtoNet(1e-3, "/tmp/logs", "cpu")
        parameter = linear(method, weight, batch_norm)
        return Step(*several(method._step(tensors(tasks)), 3, "_step"), parameter)

Their checks say what is asked, and leave the rest to a family:

    from autograder.shapes.episodic.checks import assert_only_the_support, batch, other_supports
    from autograder.shapes.functions.checks import assert_changes

    def test_step_learns_from_the_support(student, draw):
        tasks, weight = batch(draw), linear_weight(draw)
        others = other_supports(draw, tasks, way=4)
        assert_changes(lambda tasks: student.step(tasks, weight, False).loss, tasks, others, "loss")
"""
