"""Wrong solutions and other right ones are patches of the reference, in a file that reads as a diff."""

import pytest

from autograder.instructor.quality import patches
from autograder.instructor.quality.patches import PatchError

SOLUTION = '''class Sums:
    def total(self, numbers, start=0):
        """Add them up."""
        ### BEGIN SOLUTION
        #: Add.
        total = start
        for number in numbers:
            total = total + number
        return total
        ### END SOLUTION

    def mean(self, numbers):
        return self.total(numbers) / len(numbers)
'''


def patched(*lines):
    (patch,) = patches.read("\n".join(["## other", *lines]), "mutants.md")
    return patches.apply(patch.changes, SOLUTION)


def refusal(*lines):
    with pytest.raises(PatchError) as error:
        patched(*lines)
    return str(error.value)


def test_a_part_of_a_line_is_replaced():
    assert patched("- total + number", "+ total - number") == SOLUTION.replace("total + number", "total - number")


def test_a_part_of_a_line_goes_and_the_rest_of_it_stays():
    assert patched("-  / len(numbers)") == SOLUTION.replace(" / len(numbers)", "")


def test_whole_lines_go_with_their_ends():
    expected = SOLUTION.replace("        for number in numbers:\n            total = total + number\n", "")
    assert patched("- for number in numbers:", "-     total = total + number") == expected


def test_lines_are_indented_from_where_the_passage_begins():
    expected = SOLUTION.replace(
        "            total = total + number\n", "            if number:\n                total += 1\n"
    )
    assert patched("- total = total + number", "+ if number:", "+     total += 1") == expected


def test_a_passage_that_begins_within_a_line_goes_on_as_that_line_is_indented():
    expected = SOLUTION.replace("total = start\n", "total = 0\n        total += start\n")
    assert patched("- = start", "+ = 0", "+ total += start") == expected


def test_a_passage_may_be_written_with_its_indentation_so_that_what_takes_its_place_has_less():
    expected = SOLUTION.replace("            total = total + number", "        total = number")
    text = patched("- for number in numbers:", "-     total = total + number", "+ total = number")
    assert text == expected.replace("        for number in numbers:\n", "")
    assert patched("-     total = total + number", "+     total = 1") == SOLUTION.replace("total + number", "1")


def test_a_change_finds_what_the_one_before_it_left():
    assert patched("- total + number", "+ a + b", "", "- a + b", "+ c") == SOLUTION.replace("total + number", "c")


def test_a_whole_region_is_replaced_by_the_functions_name():
    text = patched("@@ total", "+ import math", "+ ", "+ return math.fsum(numbers)")
    assert (
        "        ### BEGIN SOLUTION\n        import math\n\n        return math.fsum(numbers)\n        ### END" in text
    )
    assert "Add." not in text.split("BEGIN")[1] and text.endswith("len(numbers)\n")


def test_groups_remarks_and_notes_are_told_from_changes():
    first = "# Sums\n\nThe frequent ones first.\n\n## a\n(of a kind)\n> why\n- = start\n+ = 1\n\n"
    text = f"{first}# More\n\nFewer.\n\n## b\n- = start\n"
    a, b = patches.read(text, "mutants.md")
    assert (a.heading, a.remarks, a.place) == ("a", ("of a kind",), "mutants.md:5")
    assert (b.heading, b.remarks, [change.old for change in b.changes]) == ("b", (), [("= start",)])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["- total = totl + number"],
            "mutants.md:2: `total = totl + number` is not in solution.py; the nearest there is line 8, "
            "`total = total + number`.",
        ),
        (
            ["- numbers)", "+ x"],
            "mutants.md:2: `numbers)` stands 3 times in solution.py, in lines 12, 13, 13: write more of the passage.",
        ),
        (
            ["- total = start", "- return total"],
            "mutants.md:2: `total = start` stands in line 6 of solution.py, but what follows it there is not the",
        ),
        (["@@ mean", "+ pass"], "mutants.md:2: solution.py has 0 solution regions in functions called mean, not one."),
        (["+ x"], "mutants.md:2: No passage stands above it"),
        (["- = start", "+ x", "", "+ y"], "mutants.md:5: No passage stands above it"),
        (["-x"], "mutants.md:2: `-x` is no line of a patch"),
        (["-", "- x"], "mutants.md:2: A passage does not begin with an empty line."),
        ([], "mutants.md:1: 'other' changes nothing"),
    ],
)
def test_a_patch_that_does_not_fit_or_cannot_be_read_is_told_by_file_and_line(lines, message):
    assert message in refusal(*lines)
