"""Formulas of untrusted texts as MathML."""

import html.parser
import re
import time

import pytest
from hypothesis import given, strategies

from autograder.grading.catalog import exercises, homeworks
from autograder.instructor.texts import task

pytest.importorskip("markupsafe")
pytest.importorskip("latex2mathml", reason="the extra `review` is not installed")
from autograder.instructor.formulas import ATTRIBUTES, ELEMENTS, MOST, formulas


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, attributes))


INLINE, BLOCK = (f'<math display="{kind}"><mrow><mi>x</mi></mrow></math>' for kind in ("inline", "block"))
PLAIN = ("it costs $5 and $6", "$ x $", r"\$x\$", "`$x$`", "```\n$x$\n```", "$a\n\nb$", "$$", "US$5, US$6", "")
BLOCK = f'<span class="formula">{BLOCK}</span>'
SPELT = ["\\frac", "\\text{", "\\left", "\\begin{matrix}", "&lt;", "<img onerror=x>"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a $x$, b", f"a {INLINE}, b"),
        ("$x$ $x$", f"{INLINE} {INLINE}"),
        ("```math\nx\n```", BLOCK),
        ("$$\nx\n$$", BLOCK),
        ("$a\nb$", '<math display="inline"><mrow><mi>a</mi><mi>b</mi></mrow></math>'),
        *((text, text) for text in PLAIN),
        ("<b> & $x", "&lt;b&gt; &amp; $x"),
    ],
)
def test_formulas_are_found_as_github_and_jupyter_find_them(text, shown):
    assert formulas(text) == shown


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;img src=x onerror=alert(1)&gt;}",
        r"\style{position:fixed}{x}",
        r"\class{a}{x}",
        r"\rule{9999em}{9999em}",
        r'\color{" onload="alert(1)}x',
        r"\unicode{60}script>",
        "<script>",
    ],
)
def test_nothing_of_a_formula_is_markup_but_mathml(latex):
    _only_mathml(formulas(f"${latex}$"))


@given(strategies.lists(strategies.sampled_from([*"$\\{}^_&<>'`x1\n ", *SPELT]), max_size=60).map("".join))
def test_whatever_is_written_only_mathml_comes_of_it(text):
    _only_mathml(formulas(text))
    _only_mathml(formulas(f"${text}$"))


def _only_mathml(shown):
    for tag, attributes in Tags(shown).found:
        assert tag in ELEMENTS or (tag, attributes) == ("span", [("class", "formula")])
        for name, value in attributes if tag != "span" else ():
            assert ATTRIBUTES[name].fullmatch(value)


def test_all_questions_of_the_homeworks_are_drawn():
    for name in homeworks():
        listed = exercises(name)
        for exercise in listed:
            for text in task.questions(exercise, listed):
                drawn = re.sub(r"<math.*?</math>", "", formulas(text), flags=re.DOTALL)
                assert "$" not in drawn, text
                assert "\\" not in "".join(re.findall(r"<math.*?</math>", formulas(text), re.DOTALL)), text


@pytest.mark.parametrize(
    "text",
    [
        "$" * 100_000,
        "```math\n" * 12_000,
        "$$a " * 25_000,
        "$" + "{" * 1999 + "$",
        "$" + r"\sqrt" * 400 + "$",
        ("$" + r"\left(" * 300 + "$") * 50,
        "$a\\" * 30_000,
        "``` " * 25_000,
        "$x$ " * 25_000,
    ],
)
def test_a_hostile_text_takes_no_time(text):
    began = time.process_time()
    assert formulas(text).count("<math") <= MOST
    assert time.process_time() - began < 1
