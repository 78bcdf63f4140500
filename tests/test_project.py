"""The project's own papers agree with each other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def project():
    return tomllib.loads(read("pyproject.toml"))["project"]


def test_conda_and_pip_users_get_the_same_pins():
    dependencies = yaml.safe_load(read("environment.yml"))["dependencies"]
    (by_pip,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    assert sorted(by_pip) == sorted(project()["dependencies"])
    assert f"python{project()['requires-python']}" in dependencies


def test_every_dependency_is_justified():
    table = read("docs/how_it_works.md").partition("## Dependencies")[2]
    for dependency in project()["dependencies"]:
        name = re.match(r"[a-z0-9]+", dependency).group()
        assert re.search(rf"^\| .*\b{name}\b.* \|", table, re.MULTILINE), name


def test_ci_runs_the_two_commands_of_the_readme():
    commands = [line for line in read("README.md").splitlines() if ".venv/bin/python -m pip install" in line]
    install, test = commands
    ci = read(".ci/run").replace("pip install -q", "pip install")
    assert install.partition(" && ")[2] in ci and install.partition(" && ")[0] in ci
    assert test in ci


def test_ci_tries_the_commands_without_bubblewrap_first_and_then_runs_every_test():
    ci = read(".ci/run")
    hidden, installed = ci.index("if command -v bwrap; then exit 1; fi"), ci.index("apt-get install")
    quick, everything = ci.index("pytest -n auto --strict-skips"), ci.index("pytest -n auto --all --not-again")
    assert hidden < ci.index("autograder hw2 --reference") < quick < installed < everything
    assert ci.count("--strict-skips") == 3  # and once more what failed


def test_the_path_of_ci_without_bubblewrap_has_every_other_program(tmp_path):
    for folder, names in (("a", ("bwrap", "tool")), ("b", ("other",))):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text("#!/bin/sh\necho $0\n")
            (tmp_path / folder / name).chmod(0o755)
    function = re.search(r"^without_bubblewrap\(\) \{.*?^\}", read(".ci/run"), re.MULTILINE | re.DOTALL).group()
    script = f"hidden='{tmp_path}/hidden'\n{function}\nPATH=$(without_bubblewrap)\ncommand -v bwrap; tool && other"
    path = f"{tmp_path}/a:{tmp_path}/b:/usr/bin:/bin"
    done = subprocess.run(["/bin/bash", "-c", script], env={"PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "bwrap" not in done.stdout, done.stdout + done.stderr
    assert [Path(line).name for line in done.stdout.splitlines()] == ["tool", "other"]


def test_the_distribution_does_not_take_a_name_that_others_have():
    assert project()["name"] != "autograder"


def committed():
    """Paths of all files that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]


def test_the_rooms_are_shown_as_they_are():
    rooms = read("docs/how_it_works.md").partition("## The rooms")[2].partition("## ")[0]
    parts = {part for path in committed() for part in path.relative_to(ROOT).parts}
    for name in re.findall(r"\b([a-z_]+\.py|[a-z_0-9]+(?=/))", " ".join(re.findall("`[^`]+`", rooms))):
        assert name in parts, name


def test_nothing_names_a_place_outside_the_repository():
    for path in committed():
        text = path.read_text(encoding="utf-8", errors="replace")
        found = re.search(r"(?<![\w.])/(root|work|home/\w+)/\w", text)
        assert not found, f"{path}: {found.group()}"
