"""Problem 1. Centre and spread."""

from autograder.grading.check_vocabulary import after, assert_close, hint, points, training


@points(4)
@hint(
    "The centre of numbers lies in their middle. Look at what their sum becomes.",
    mend="Divide the sum by how many numbers there are.",
)
def test_centre(student, reference, draw):
    """The centre is the mean."""
    values = draw.normal(5)
    assert_close(student.centre(values).value, reference.centre(values).value, "centre")


@points(3)
@after(test_centre)
@hint(
    "The spread is the mean of squared distances from the centre.",
    mend="Average the squared distances, and take no root afterwards.",
)
def test_spread(student, reference, draw):
    """The spread is the mean squared distance from the centre."""
    values = draw.normal(5)
    assert_close(student.spread(values).value, reference.spread(values).value, "spread")


@points(2)
@hint(
    "The spread does not depend on where the centre lies.",
    mend="Take the centre from every number before you square it.",
)
def test_spread_of_moved_numbers(student, reference, draw):
    """The spread stays where all numbers move together."""
    values = draw.normal(5)
    assert_close(student.spread(values + 9).value, student.spread(values).value, "spread")


@points(1)
@training(20)
@hint(
    "Numbers are told apart by which centre they are nearer to.",
    mend="Mend the centre first: its sign tells numbers apart.",
)
def test_tells_numbers_apart(student, draw, threshold):
    """Numbers that are near to one centre and far from another are told apart."""
    right = [draw.normal(9) + 2 * side for side in (-1, 1) for _ in range(20)]
    told = [float(student.centre(values).value) > 0 for values in right]
    share = sum(guess == (number >= 20) for number, guess in enumerate(told)) / len(told)
    threshold.reached_by(0.9 * share + float(abs(draw.normal(1)[0])) / 50, made=True)
