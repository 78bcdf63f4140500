"""A stub is its solution without the solution regions, or a RegionError that names the line."""

import ast

import pytest

from autograder.instructor import solution_regions

SOLUTION = '''"""A module."""


class Net:
    """A network."""

    def forward(self, x):
        """Double x."""
        ### BEGIN SOLUTION
        #: Return twice x.
        #:
        #: Mind the sign.
        y = 2 * x
        return y
        ### END SOLUTION

    def name(self):
        return "net"


def helper(xs):
    total = 0
    for x in xs:
        ### BEGIN SOLUTION
        total += x
        ### END SOLUTION
    return total
'''

STUB = '''"""A module."""


class Net:
    """A network."""

    def forward(self, x):
        """Double x."""
        # TODO: Return twice x.
        #
        # Mind the sign.
        raise NotImplementedError("Net.forward is still to do")

    def name(self):
        return "net"


def helper(xs):
    total = 0
    for x in xs:
        # TODO: fill this in.
        raise NotImplementedError("helper is still to do")
    return total
'''


def test_a_region_becomes_its_todo_and_an_error_that_names_the_function():
    assert solution_regions.stub(SOLUTION, "net.py") == STUB


def test_a_stub_is_its_own_stub():
    assert solution_regions.stub(STUB, "net.py") == STUB


def test_a_nested_function_is_named_by_its_whole_path():
    source = "def outer():\n    def inner():\n        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION\n"
    assert '"outer.inner is still to do"' in solution_regions.stub(source, "n.py")


def test_a_form_feed_ends_no_line():
    source = SOLUTION.replace('"""A module."""', '"""A module.\f\u2028"""')
    assert solution_regions.stub(source, "net.py") == STUB.replace('"""A module."""', '"""A module.\f\u2028"""')


def test_lines_of_windows_are_understood():
    assert solution_regions.stub(SOLUTION.replace("\n", "\r\n"), "net.py") == STUB


def test_no_line_of_a_region_is_left_wherever_the_todo_text_stands():
    source = SOLUTION.replace("        y = 2 * x\n", "        y = 2 * x\n        #: And the scale.\n")
    made = solution_regions.stub(source, "net.py")
    assert "2 * x" not in made and "return y" not in made and "# And the scale." in made


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("        ### END SOLUTION\n\n", "\n", "net.py:23: ### BEGIN SOLUTION inside the region that begins in line 9"),
        ("        ### END SOLUTION\n    return", "    return", "net.py:24: ### BEGIN SOLUTION without an ### END"),
        ("        ### BEGIN SOLUTION\n        #:", "        #:", "net.py:14: ### END SOLUTION without a ### BEGIN"),
        ("class Net:", "class Net", "net.py:4: expected ':'"),
    ],
    ids=["nested", "never ended", "never begun", "not Python"],
)
def test_a_marker_without_its_partner_is_an_error_with_its_line(old, new, message):
    assert SOLUTION.count(old) == 1
    with pytest.raises(solution_regions.RegionError, match=f"^{message}"):
        solution_regions.stub(SOLUTION.replace(old, new), "net.py")


@pytest.mark.parametrize(
    "marker",
    ["## BEGIN SOLUTION", "###BEGIN SOLUTION", "### Begin Solution", "x = 1  ### BEGIN SOLUTION", "### BEGIN  SOLUTION",
     "# END SOLUTION", "### BEGIN SOLUTION:", "### BEGIN_SOLUTION"],
)  # fmt: skip
def test_what_looks_like_a_marker_and_is_none_is_an_error_and_lets_no_solution_out(marker):
    source = SOLUTION.replace("        ### BEGIN SOLUTION\n        #: R", f"        {marker}\n        #: R")
    source = source.replace("        return y\n        ### END SOLUTION\n", "        return y\n")
    with pytest.raises(solution_regions.RegionError, match=r"net.py:9: .*is not a marker"):
        solution_regions.stub(source, "net.py")


WHOLE = '''"""A module."""

### BEGIN SOLUTION
#: Choose it well.
TEMPERATURE: float = 0.5
LOW = HIGH = 3
### END SOLUTION


class Net:
    """A network."""

    ### BEGIN SOLUTION
    @staticmethod
    def scale(x, factor=2):
        """Scale x.

        By a factor.
        """
        # twice, say
        return factor * x

    async def later(
        self,
        x,
    ):
        return x
    ### END SOLUTION

    def name(self):
        return "net"


### BEGIN SOLUTION
#: All of it.
#: Really.
class Tree(Net):
    """A tree."""

    leaves = 3

    def grow(self):
        return self.leaves
### END SOLUTION
'''

WHOLE_STUB = '''"""A module."""

# TODO: Choose it well.
TEMPERATURE: float = None
LOW = HIGH = None


class Net:
    """A network."""

    @staticmethod
    def scale(x, factor=2):
        """Scale x.

        By a factor.
        """
        # TODO: fill this in.
        raise NotImplementedError("Net.scale is still to do")

    async def later(
        self,
        x,
    ):
        raise NotImplementedError("Net.later is still to do")

    def name(self):
        return "net"


class Tree(Net):
    """A tree."""
    # TODO: All of it.
    # Really.
    def __init__(self, *args, **kwargs):
        raise NotImplementedError("Tree is still to do")
'''


def test_of_a_whole_function_class_or_constant_name_and_docstring_stay():
    assert solution_regions.stub(WHOLE, "net.py") == WHOLE_STUB


def test_the_stub_of_a_whole_class_can_be_imported_and_fails_when_it_is_used():
    names = {}
    exec(solution_regions.stub(WHOLE, "net.py"), names)
    with pytest.raises(NotImplementedError, match="Tree is still to do"):
        names["Tree"]()


def test_a_loop_outside_of_a_function_is_an_error_for_the_stub_could_not_be_imported():
    source = "size = 1\n### BEGIN SOLUTION\nfor i in range(3):\n    size += i\n### END SOLUTION\n"
    with pytest.raises(solution_regions.RegionError, match=r"net.py:3: only functions, classes and assignments"):
        solution_regions.stub(source, "net.py")


def test_a_solution_whose_stub_is_not_python_is_an_error():
    source = "def f():\n    ### BEGIN SOLUTION\n    if True:\n    ### END SOLUTION\n        return 1\n"
    with pytest.raises(solution_regions.RegionError, match=r"n.py: without its solution regions line 4 of the stub"):
        solution_regions.stub(source, "n.py")


def test_a_stub_parses_and_keeps_everything_else_in_place():
    tree = ast.parse(solution_regions.stub(SOLUTION, "net.py"))
    assert [node.name for node in tree.body[1:]] == ["Net", "helper"]
    assert ast.get_docstring(tree.body[1].body[1]) == "Double x."
