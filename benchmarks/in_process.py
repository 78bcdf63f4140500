"""The fast checks of a homework on its reference, without worker or isolation: python -m benchmarks.in_process hw1

What `python -m autograder hw1 --reference --fast` takes longer than this is what keeping student code apart costs.
"""

import sys

from autograder.grading.catalog import exercises
from autograder.grading.checks import trains
from autograder.instructor.in_process import Inside
from autograder.instructor.live_key import Live
from autograder.instructor.quality.judging import judge
from autograder.results import Verdict


def main(homework: str) -> None:
    """Run the fast checks."""
    subjects = {e: Inside(e, (e.folder / "solution.py").read_bytes()) for e in exercises(homework)}
    results = judge(subjects, 1, Live(), lambda function: not trains(function))
    assert results and all(check.verdict is Verdict.PASS for check in results)


if __name__ == "__main__":
    main(sys.argv[1])
