"""The pages of a class: one file each, for eyes, ears and phones, and nothing of a student's is markup."""

import html.parser
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image

from autograder import paths
from autograder.grading import catalog
from autograder.instructor.classroom import class_rows, pages, plots, similar
from autograder.instructor.classroom.layouts import HandedIn
from autograder.instructor.classroom.scoring import Scored, Scoring
from autograder.instructor.classroom.summary import Summary
from autograder.intake.submission import Submission
from autograder.results import CheckResult, ExerciseResult, Report, Verdict

EXERCISES = [exercise for exercise in catalog.exercises("hw2") if exercise.required]
PROTONET = next(exercise for exercise in EXERCISES if exercise.name == "protonet")
EVIL = "</script><img src=x onerror=alert(1)>"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
PHONE = 375  # pixels


def graded(number, verdict):
    checks = [
        CheckResult(
            name=f"test_{name}", title=f"What must hold in {name}: " + "words " * 12, points=5, verdict=Verdict.PASS
        )
        for name in ("shapes", "means", "gradients", "accuracies")
    ]
    checks[number % 4].verdict = verdict
    checks[number % 4].message = f"{EVIL} at hw2/protonet.py, line {number}: " + "x" * 200
    checks[number % 4].seconds = number / 2
    if verdict is Verdict.WRONG:
        checks[number % 4].likely = "You would get this if it were averaged."
    exercises = [
        ExerciseResult(
            name=e.name, title=e.title, file=e.file, checks=checks, flags=["os._exit " + EVIL] * (number % 3)
        )
        for e in EXERCISES
    ]
    return Report(homework="hw2", subject="x", seed=7, data="glyphs", isolation="isolated", exercises=exercises)


def rows():
    listed = list(Verdict)
    found = [HandedIn(id=f"id{n}", name=f"Student {n}{EVIL * (n == 3)}", source="x") for n in range(40)]
    for number, row in enumerate(class_rows.gather(found, [])):
        row.report = graded(number, listed[number % len(listed)])
        yield row


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    text = [("mine\n", False), (f"both {EVIL}\n", True)]
    pair = similar.Pair("Problem 1. Prototypical networks", 0.9, ("Ada", text), ("Eve", text))
    pairs = similar.Pairs([pair])
    pairs.found, pairs.groups = 60, (similar.Group("Problem 1. Prototypical networks", ["Ada", "Bob", f"Eve{EVIL}"]),)
    summary = pages.write(folder, rows(), EXERCISES, Scoring([], []), pairs)
    return folder, summary


class Parsed(html.parser.HTMLParser):
    """Tags with their attributes, in order."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def documents(written):
    folder, _ = written
    return [folder / "report.html", folder / "similar.html", folder / "feedback" / "Student_5-id5.html"]


def test_each_page_is_one_file_that_runs_and_fetches_nothing(written):
    for path in documents(written):
        for tag, attributes in Parsed(path.read_text()).tags:
            assert tag not in ("script", "img", "iframe", "object", "embed", "link", "form"), path
            assert not [name for name in attributes if name.startswith("on") or name == "src"], path
            assert re.match(r"(feedback/[\w.@-]+|similar)\.html$", attributes.get("href", "similar.html")), path


def test_tables_have_captions_and_heads_and_plots_words(written):
    text = (written[0] / "report.html").read_text()
    tags = [tag for tag, _ in Parsed(text).tags]
    assert tags.count("table") == tags.count("caption") == tags.count("thead") >= 6
    assert not [attributes for tag, attributes in Parsed(text).tags if tag == "th" and "scope" not in attributes]
    svg = ElementTree.fromstring(re.search(r"<svg.*?</svg>", text, re.DOTALL)[0])
    assert svg.get("role") == "img"
    names = {child.get("id"): child.text for child in svg if child.get("id")}
    assert [names[one] for one in svg.get("aria-labelledby").split()] == [
        "Distribution of the scores",
        "40 submissions, mean 31.2, median 30 points",
    ]
    assert 'lang="en"' in text and "width=device-width" in text


def test_the_report_counts_what_there_is(written):
    text, summary = (written[0] / "report.html").read_text(), written[1]
    assert sum(summary.verdicts.values()) == 40 * 8
    assert summary.crashed == sum(verdict is Verdict.CRASH for n in range(40) for verdict in [list(Verdict)[n % 9]]) * 2
    assert summary.mistakes == {"You would get this if it were averaged.": 2 * len(range(1, 40, 9))}
    assert [count for *_, count in plots.bins(summary.scores, summary.points)] == [0] * 7 + [35, 0, 0, 5]
    assert len(re.findall(r'<th scope="row" style="font-weight: normal"><a href="feedback/', text)) == 40
    assert summary.slowest[0][0] == 19.5
    assert "GRADER-ERROR" in text and "The first 50 of " in text  # flags


@pytest.mark.parametrize(
    ("scores", "most", "counts"),
    [
        ([0, 9.9, 10, 99, 100], 100, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
        ([], 10, [0] * 11),
        ([0], 0, []),
    ],
)
def test_every_score_lies_in_one_bin(scores, most, counts):
    assert [count for *_, count in plots.bins(scores, most)] == counts


# In a browser

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")


def browse(*options):
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@needs_chromium
@pytest.mark.slow
def test_a_browser_shows_the_pages(written, tmp_path):
    for path in documents(written):
        shot = tmp_path / f"{path.stem}.png"
        browse("--window-size=1000,1200", f"--screenshot={shot}", path.as_uri())
        with Image.open(shot) as picture:
            assert picture.size == (1000, 1200)
            assert len(picture.convert("L").getcolors()) > 20, f"{path} is blank"


@needs_chromium
@pytest.mark.slow
def test_nothing_is_wider_than_a_phone(written, tmp_path):
    measure = (
        "<script>document.title = [...document.querySelectorAll('body *')].filter(e => !e.closest('.wide, svg') && "
        f"e.getBoundingClientRect().right > {PHONE}).map(e => e.outerHTML.slice(0, 60)).join(' | ') || 'fits'</script>"
    )
    for path in documents(written):
        text = path.read_text().replace("<details>", "<details open>")
        narrow = text.replace("</head>", f"<style>html {{ width: {PHONE}px }}</style></head>")
        copy = tmp_path / path.name
        copy.write_text(narrow.replace("</body>", f"{measure}</body>"))
        shown = re.search(r"<title>(.*?)</title>", browse("--dump-dom", copy.as_uri()), re.DOTALL)[1]
        assert shown == "fits", f"{path}: {shown}"


# Similar submissions


def test_only_what_students_wrote_is_compared():
    stub = (paths.COURSE / PROTONET.file).read_text()
    assert similar.edited(stub.encode(), stub) == ""
    mine = stub.replace("raise NotImplementedError", "mine = 1\n        raise NotImplementedError", 1)
    assert similar.edited(mine.encode(), stub).split() == ["mine", "=", "1"]
    assert len(similar.edited(b"x\n" * 10**6 + b"\xff\x00", stub)) <= similar.CHARACTERS


@pytest.fixture
def compared(rewritten):
    pytest.importorskip("copydetect", reason="the extra `similarity` is not installed")

    def run(*sources):
        called = class_rows.gather([HandedIn(id=str(n), source=str(n)) for n in range(len(sources))], [])
        handed_in = [
            (row, Submission({PROTONET.file: source.encode()})) for row, source in zip(called, sources, strict=True)
        ]
        return similar.compare(handed_in, [PROTONET])

    return run


def test_a_copy_with_other_names_is_found_and_other_work_is_not(compared, rewritten, solution):
    original = rewritten(
        "protonet",
        {
            "_prototypes": """
                totals = torch.zeros(int(labels.max()) + 1, features.shape[1])
                counts = torch.zeros(len(totals))
                for row, label in zip(features, labels):
                    totals[label] = totals[label] + row
                    counts[label] += 1
                return totals / counts[:, None]
                """
        },
    )
    copied = (
        original.replace("totals", "summed")
        .replace("counts", "number")
        .replace("row,", "one,")
        .replace("+ row", "+ one")
    )
    assert copied != original
    pairs = compared(original, copied, solution("protonet"), (paths.COURSE / PROTONET.file).read_text())
    first = pairs[0]
    assert {first.first[0], first.second[0]} == {"0", "1"} and first.share > 0.9
    assert "summed" in "".join(piece for piece, same in first.second[1] if same)
    assert "".join(piece for piece, _ in first.first[1]) == similar.edited(
        original.encode(), (paths.COURSE / PROTONET.file).read_text()
    )


def test_who_is_alike_through_others_forms_a_group():
    alike = [("a", "b"), ("c", "d"), ("d", "e"), ("f", "e"), ("b", "g"), ("x", "y")]
    assert similar.groups(alike) == [["c", "d", "e", "f"], ["a", "b", "g"]]


def test_a_group_is_listed_and_so_is_how_many_pairs_there_are(written):
    page = (written[0] / "similar.html").read_text(encoding="utf-8")
    assert "<strong>3</strong> in Problem 1. Prototypical networks: Ada, Bob, Eve" in page
    assert "60 pairs are alike" in page


def test_copies_of_copies_are_one_group(compared, solution):
    source = solution("protonet")
    pairs = compared(*[source] * 3)
    assert pairs.found == 3 and [group.names for group in pairs.groups] == [["0", "1", "2"]]


def test_nobody_is_like_a_stub(compared):
    stub = (paths.COURSE / PROTONET.file).read_text()
    assert compared(stub, stub, stub) == []


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "copydetect", None)
    monkeypatch.setattr(similar.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(similar.MissingError, match="pip install"):
        similar.check_installed()


def test_rows_say_what_they_are():
    row = Scored(stem="x", id="7", name="", email="", handed_in=HandedIn(id="7"), manual={"Q1": 2.0}, penalty=0.5)
    assert (row.shown, row.before, row.total) == ("7", 2.0, 1.0)


def test_a_check_discriminates_where_who_passes_it_has_more_points_elsewhere():
    summary = Summary(EXERCISES)
    for number, row in enumerate(rows()):
        good = number % 2 == 0
        for exercise in row.report.exercises:
            for place, check in enumerate(exercise.checks):
                passes = good if place < 3 else number % 4 < 2  # the last one has nothing to do with the others
                check.verdict = Verdict.PASS if passes else Verdict.WRONG
        summary.add(Scoring([row], []).score(row), "")
    found = [count.discrimination for count in summary.checks.values()][:4]
    assert min(found[:3]) > 0.8 and abs(found[3]) < 0.5
    assert next(iter(Summary(EXERCISES).checks.values()), None) is None


def test_other_work_is_compared_with_the_class_and_not_with_itself():
    pytest.importorskip("copydetect", reason="the extra `similarity` is not installed")
    body = "\n".join(f"value_{n} = compute(argument_{n}, offset={n} * scale + {n})" for n in range(30))
    own = "\n".join(f"for item in range({n}): total = total - weights[item] / {n + 2}" for n in range(30))

    def handed(names, text):
        called = class_rows.gather([HandedIn(id=name, source=name) for name in names], [])
        return [(row, Submission({EXERCISES[0].file: text.encode()})) for row in called]

    corpus = [("last year", row, work) for row, work in handed(["eve", "zoe"], body)]
    seen = []
    submissions = [*handed(["ada"], body), *handed(["bob"], own)]
    pairs = similar.compare(submissions, EXERCISES[:1], corpus, lambda done, total: seen.append((done, total)))
    assert [{pair.first[0], pair.second[0]} for pair in pairs] == [{"ada", "eve, last year"}, {"ada", "zoe, last year"}]
    assert [group.names for group in pairs.groups] == [["ada", "eve, last year", "zoe, last year"]]
    assert seen == [(number, 5) for number in range(1, 6)]  # all pairs of four but that of the corpus
