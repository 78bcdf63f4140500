"""The pages in docs/ say what the programs do, and build as a site that fetches nothing."""

import importlib
import importlib.util
import os
import re
import subprocess
import sys

import click
import pytest

from autograder.__main__ import main
from autograder.paths import COURSE

PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((COURSE / "docs").glob("*.md"))}
WRITTEN = {**PAGES, **{name: (COURSE / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")}}
OPTION = r"(?<![\w-])--[a-z][a-z-]*"
OURS = ("autograder", "benchmarks", "data", "hw1", "hw2", "trainer")
THEIRS = ("pip", "pytest", "dask", "worker_command", "chromium")  # lines with options of other programs
OF_TESTS = set(re.findall(OPTION, (COURSE / "tests" / "selection.py").read_text(encoding="utf-8")))


def options(command):
    """All options of a click command and of its subcommands."""
    own = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    inner = command.list_commands(None) if isinstance(command, click.Group) else ()
    return own.union(*(options(command.get_command(None, name)) for name in inner))


def commands():
    """The autograder's commands by the name under which pages speak of them: hw1 and hw2 are one."""
    listed = {name: command for name, command in main.commands.items() if not re.fullmatch(r"hw\d+", name)}
    return {**listed, "hw2": main.commands["hw2"]}


def program(module):
    """The click command of a module that is run with -m; None if it has none."""
    spec = importlib.util.find_spec(module)
    assert spec, f"there is no module {module}"
    is_package = spec.submodule_search_locations is not None
    found = getattr(importlib.import_module(f"{module}.__main__" if is_package else module), "main", None)
    return found if isinstance(found, click.Command) else None


def passages(text):
    """Pieces of code, one for each line of a block and for each piece in a line."""
    blocks = re.findall(r"^```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^ {4}\S.*$", text, re.MULTILINE)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return [*(line for block in blocks for line in block.splitlines()), *indented, *inline]


def shown_commands(text):
    """Modules that are started with -m in a text, each with what follows it on the line."""
    for line in passages(text):
        for call in re.split(r"&&|\| ", line):
            if found := re.search(rf"(?:python|PYTHON)\S* (?:-P )?-m ((?:{'|'.join(OURS)})[\w.]*)(.*)", call):
                yield found[1], found[2].partition("  #")[0]


@pytest.mark.parametrize("name", commands())
def test_every_command_has_a_page_that_names_all_its_options(name):
    shown = re.compile(rf"python -m autograder {name}\b")
    pages = [text for text in PAGES.values() if shown.search(text)]
    assert pages, f"no page in docs/ shows `python -m autograder {name}`"
    lacks = [options(commands()[name]) - set(re.findall(OPTION, text)) for text in pages]
    assert set() in lacks, f"the nearest page lacks {min(lacks, key=len)}"


@pytest.mark.parametrize("page", WRITTEN)
def test_pages_show_only_commands_and_options_that_exist(page):
    for module, arguments in shown_commands(WRITTEN[page]):
        command, words = program(module), arguments.split()
        given = set(re.findall(OPTION, arguments)) - {"--help"}
        if module == "autograder" and words and not words[0].startswith("-"):
            word = re.sub(r"^(hwN|HOMEWORK|hw\d+)$", "hw2", words[0])
            assert word in main.commands, f"{page}: there is no command {word}"
            command = main.commands[word]
        known = options(command) if command else given  # no click: nothing to ask
        assert given <= known, f"{page}: python -m {module}{arguments}: there is no {sorted(given - known)}"


@pytest.mark.parametrize("page", WRITTEN)
def test_every_option_in_the_text_exists(page):
    everything = set(OF_TESTS) | {"--help"}
    for module in {module for text in WRITTEN.values() for module, _ in shown_commands(text)}:
        everything |= options(program(module)) if program(module) else set()
    for code in passages(WRITTEN[page]):
        if not any(word in code for word in THEIRS) and "python -m" not in code:
            unknown = set(re.findall(OPTION, code)) - everything
            assert not unknown, f"{page}: `{code}`: no program has {sorted(unknown)}"


def test_the_front_door_is_a_screen_and_a_half():
    assert len(WRITTEN["README.md"].splitlines()) <= 75


@pytest.mark.parametrize("page", WRITTEN)
def test_links_between_pages_lead_somewhere(page):
    folder = COURSE if page in ("README.md", "CONTRIBUTING.md") else COURSE / "docs"
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"`[^`]*`", "", WRITTEN[page])):
        assert target.startswith("https://") or (folder / target).exists(), f"{page} links {target}"


def test_the_picture_of_a_report_fetches_nothing():
    drawn = (COURSE / "docs" / "report.svg").read_text(encoding="utf-8")
    assert not re.search(r"url\(\"?http|href=", drawn) and "@font-face" not in drawn


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_fetches_nothing(tmp_path):
    if not importlib.util.find_spec("material"):
        pytest.skip("the extra `docs` is not installed")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(line, cwd=COURSE, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)\b[^>]*\bsrc=\"?([^\" >]+)", text)
        loaded += re.findall(r"<link\b[^>]*\bhref=\"?([^\" >]+)", text)
        assert not [place for place in loaded if re.match(r"(https?:)?//", place)], page
    assert len(list(tmp_path.glob("*/index.html"))) == len(PAGES) - 1
