"""Every hostile case comes to its own end, and its honest twin gets full marks."""

import pytest
from hostile_case import grade_twin, load_cases

CASES = load_cases()
WITH_TWIN = [case for case in CASES if case.twin is not None or (case.folder / "twin.py").exists()]
GROUPS = {  # at least so many cases of each
    "F": 8,  # FORGE: forging the result
    "R": 8,  # READ: reading what it must not
    "X": 10,  # RES: abusing resources
    "S": 10,  # SEM: cheating with values
    "O": 10,  # OUT: malformed output
    "B": 14,  # SUB: broken submissions
}
pytestmark = [pytest.mark.hostile, pytest.mark.isolation, pytest.mark.usefixtures("isolated")]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_hostile_submission_comes_to_its_own_end(case, try_case):
    try_case(case)


@pytest.mark.parametrize("case", WITH_TWIN, ids=[case.id for case in WITH_TWIN])
def test_the_honest_twin_gets_full_marks(case, tmp_path):
    assert grade_twin(case, tmp_path) == []


def test_there_are_cases_of_every_group():
    assert {group: sum(case.id.startswith(group) for case in CASES) >= least for group, least in GROUPS.items()} == (
        dict.fromkeys(GROUPS, True)
    )
