"""A handout grades as the instructor's copy does, tells no solution, and never costs anyone their work."""

import base64
import binascii
import bz2
import codecs
import gzip
import io
import json
import lzma
import os
import quopri
import re
import subprocess
import sys
import tarfile
import zipfile
import zlib

import click
import msgspec
import numpy as np
import pytest
from few_mutants import EVERY, PAIR, SEED, SUSPECTED, few_mutants, load
from safetensors.numpy import save

from autograder import fault, manifest, paths
from autograder.grading import box, catalog, grade, recorded
from autograder.grading.drawings import Drawings
from autograder.grading.referee import Referee
from autograder.grading.settings import Settings
from autograder.instructor.handout import build, carried, leaks
from autograder.instructor.handout.record import record
from autograder.instructor.in_process import Inside
from autograder.instructor.live_key import Live
from autograder.instructor.quality import mutants
from autograder.instructor.quality.judging import judge
from autograder.intake import archives
from autograder.results import Verdict

EXERCISES = {e.name: e for homework in catalog.homeworks() for e in catalog.exercises(homework)}


def some(exercise):
    wrong = [mutant for mutant in mutants.load(exercise) if not exercise.outline()[mutant.fails[0]]]
    return [mutant for n, mutant in enumerate(wrong) if n % EVERY == 0 or mutant.name in SUSPECTED]


@pytest.fixture(scope="module")
def some_mutants(shared):
    with few_mutants(shared):
        yield


@pytest.fixture(scope="module")
def files(some_mutants):
    """The files of a handout of homework 2."""
    listed = msgspec.structs.replace(catalog.homework("hw2"), term="Autumn", due="2026-12-01 23:59 -08:00")
    return build.build("hw2", seed=SEED, listed=listed)


@pytest.fixture
def unpacked(files, tmp_path):
    """A handout's folder."""
    return put(files, tmp_path / "given")


def put(files, folder):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def solve(folder):
    for exercise in catalog.exercises("hw2"):
        (folder / exercise.file).write_bytes((exercise.folder / "solution.py").read_bytes())


def run(folder, *arguments):
    """The command line, in a handout: its exit status and what it says."""
    line = [sys.executable, "-m", "autograder", *map(str, arguments)]
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(line, cwd=folder, env=kept, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def judged(exercise, source, key):
    return judge({exercise: Inside(exercise, source)}, SEED, key, lambda check: not exercise.outline()[check.__name__])


# It grades as the instructor's copy does


@pytest.fixture
def recorded_key(monkeypatch, files, unpacked):
    """The key of the unpacked handout, in this process."""
    load = recorded.load.__wrapped__
    there = type("There", (), {})

    def from_handout(exercise):
        place = there()
        place.folder = unpacked / exercise.place
        return load(place)

    monkeypatch.setattr(recorded, "load", from_handout)
    return recorded.Recorded()


@pytest.mark.parametrize("name", ["protonet", pytest.param("maml", marks=pytest.mark.slow)])
def test_recorded_answers_give_the_verdicts_of_the_solutions(name, recorded_key):
    exercise = EXERCISES[name]
    solution = (exercise.folder / "solution.py").read_text()
    assert all(check.verdict is Verdict.PASS for check in judged(exercise, solution, recorded_key))
    named = 0
    for mutant in some(exercise):
        source = mutant.apply(solution)
        live, told = judged(exercise, source, Live()), judged(exercise, source, recorded_key)
        assert [check.verdict for check in told] == [check.verdict for check in live], mutant.name
        for ours, theirs in zip(told, live, strict=True):
            assert ours.likely == theirs.likely, (mutant.name, ours.name)
            named += bool(mutant.says) and mutant.says in ours.likely
    assert named


def test_two_mistakes_at_once_have_the_name_in_a_handout_that_they_have_here(recorded_key):
    exercise = EXERCISES["maml"]
    pair = [mutant for mutant in mutants.load(exercise) if mutant.name in PAIR]
    source = pair[1].apply(pair[0].apply((exercise.folder / "solution.py").read_text()))
    live, told = judged(exercise, source, Live()), judged(exercise, source, recorded_key)
    assert [check.likely for check in told] == [check.likely for check in live]
    assert any(all(mutant.says in check.likely for mutant in pair) for check in told)


def test_a_correct_solution_gets_its_points_in_a_handout_and_a_stub_its_to_do_list(unpacked):
    status, said = run(unpacked, "hw2", "--fast", "--data", "glyphs", "--only", "maml")
    assert status == 1 and "MAML._inner_loop is still to do" in said and "GRADER-ERROR" not in said
    solve(unpacked)
    status, said = run(unpacked, "hw2", "--fast", "--data", "glyphs")
    assert status == 0 and f"seed {SEED}" in said, said


DRAWN = {  # a mistake in each, and the check that draws it
    "protonet": ("distances not squared", "test_logits_are_negative_squared_distances"),
    "maml": ("first order: retain_graph", "test_meta_gradient_is_second_order"),
    "reptile": ("away from the results", "test_outer_step_moves_theta_towards_the_results"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_recorded_answers_draw_what_failed(name, recorded_key):
    exercise, (mistake, failing) = EXERCISES[name], DRAWN[name]
    (mutant,) = (mutant for mutant in load(exercise) if mutant.name == mistake)
    source = mutant.apply((exercise.folder / "solution.py").read_text())
    pictures = []
    for key in (Live(), recorded_key):
        settings = Settings(SEED, Drawings(None), key, pictures=True)
        student = Inside(exercise, source)
        referee = Referee([exercise], lambda _: student, settings, {}, chosen=lambda check: check.__name__ == failing)  # noqa: B023
        grade.run_pytest([exercise], referee)
        pictures.append(referee.results[name][failing].picture)
    live, told = pictures
    assert live.startswith("<figure") and re.sub(r"-?[0-9.]+", "", told) == re.sub(r"-?[0-9.]+", "", live)


def test_a_handout_writes_a_page_with_pictures(unpacked):
    solve(unpacked)
    file = unpacked / "hw2" / "protonet.py"
    file.write_text(file.read_text().replace(".square().sum(dim=-1)", ".square().sum(dim=-1).sqrt()"))
    status, _ = run(unpacked, "hw2", "--fast", "--only", "protonet", "--html", "r.html")
    assert status == 1 and (unpacked / "r.html").read_text().count("<figure") == 1


# Our fault stays ours


@pytest.mark.parametrize("name", ["protonet", "maml"])
def test_the_recorded_answers_pass_in_the_place_of_a_students(name, recorded_key):
    exercise = EXERCISES[name]
    right = recorded.Reference(exercise)
    told = judge({exercise: right}, SEED, recorded_key, lambda check: not exercise.outline()[check.__name__])
    assert told and all(check.verdict is Verdict.PASS for check in told)


FAULTS = {
    "a full disk": ("raise OSError(28, 'No space left on device')", "The disk is full: free some space in"),
    "no memory": ("raise MemoryError", "The machine is out of memory"),
    "a bug": ("[][0]", "The grader itself failed (IndexError in autograder/exercises/protonet/checks.py, line"),
    "a bug in numpy": ("np.linalg.inv(np.zeros((2, 2)))", "The grader itself failed (LinAlgError in"),
}


@pytest.mark.parametrize(("code", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_grader_is_no_verdict(unpacked, code, said):
    solve(unpacked)
    checks = unpacked / "autograder" / "exercises" / "protonet" / "checks.py"
    first = "    for way, shot, _ in SIZES:\n        got = student.prototypes("
    assert checks.read_text().count(first) == 1
    checks.write_text(checks.read_text().replace(first, f"    {code}\n{first}"))
    status, out = run(unpacked, "hw2", "--fast", "--only", "protonet", "--json", "r.json")
    told = json.loads((unpacked / "r.json").read_text())["exercises"][0]["checks"]
    assert status == 3 and {check["verdict"] for check in told} <= {"GRADER-ERROR", "NOT-RUN", "PASS"}
    assert said in told[0]["message"] and told[0]["verdict"] == "GRADER-ERROR"
    assert "Traceback" in told[0]["traceback"] and "Traceback" not in out


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_damaged_answers_are_told_in_one_sentence(unpacked, damage):
    solve(unpacked)
    answers = unpacked / "autograder" / "exercises" / "protonet" / "answers.safetensors"
    if damage == "cut":
        answers.write_bytes(answers.read_bytes()[:5000])
    else:
        answers.unlink()
    status, out = run(unpacked, "hw2", "--fast", "--only", "protonet")
    assert status == 3 and "The recorded answers in autograder/exercises/protonet/ are missing or damaged" in out
    assert "Traceback" not in out


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v")
def test_a_machine_without_memory_costs_no_points(unpacked):
    solve(unpacked)
    line = f"ulimit -v 500000; exec {sys.executable} -m autograder hw2 --fast --only protonet --json r.json"
    done = subprocess.run(["bash", "-c", line], cwd=unpacked, capture_output=True, text=True, timeout=300, check=False)
    told = json.loads((unpacked / "r.json").read_text())["exercises"][0]["checks"]
    assert done.returncode == 3 and {check["verdict"] for check in told} == {"GRADER-ERROR"}
    assert {check["message"] for check in told} == {fault.OUT_OF_MEMORY}


def test_an_answer_that_a_check_cannot_read_is_still_the_students(unpacked):
    solve(unpacked)
    file = unpacked / "hw2" / "protonet.py"
    file.write_text(file.read_text().replace(LINE, LINE.replace("int(labels.max()) + 1", "int(labels.max())")))
    status, out = run(unpacked, "hw2", "--fast", "--only", "protonet")
    assert status == 1 and "GRADER-ERROR" not in out


def test_a_handout_says_that_it_has_no_other_seed_and_no_solutions(unpacked):
    status, said = run(unpacked, "hw2", "--seed", 3)
    assert status == 4 and f"a handout has answers for its own seed, {SEED}" in said
    status, said = run(unpacked, "hw2", "--reference")
    assert status == 4 and "a handout does not have" in said


def test_instructors_commands_are_not_in_a_handout(unpacked):
    _, said = run(unpacked, "--help")
    assert "submit" in said and "upgrade" in said
    assert not {"write", "mutants", "calibrate", "handout"} & set(said.split())


def test_stubs_of_a_handout_pass_ruff(unpacked):
    line = [sys.executable, "-m", "ruff", "check", "--no-cache", "hw2", "--config", "pyproject.toml"]
    done = subprocess.run(line, cwd=unpacked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_same_answers_are_recorded_each_time(files):
    for name, content in record(EXERCISES["protonet"], SEED).items():
        assert files[f"autograder/exercises/protonet/{name}"] == content


def test_an_archive_is_the_same_byte_for_byte(files):
    assert archives.pack(files, "h") == archives.pack(dict(reversed(files.items())), "h")


def test_the_manifest_has_the_digest_of_every_file(files):
    told = manifest.read(files[manifest.PATH])
    assert told.files == {n: manifest.digest(c) for n, c in files.items() if n != manifest.PATH}
    assert (told.seed, told.term, told.due) == (SEED, "Autumn", "2026-12-01 23:59 -08:00")


# It tells no solution


def found(files):
    return [str(leak) for leak in leaks.find(archives.pack(files, "hw2-handout"), EXERCISES.values(), [987654321])]


@pytest.mark.slow
def test_a_handout_has_no_leak(files):
    assert found(files) == []


SOLUTION = (EXERCISES["protonet"].folder / "solution.py").read_text()
LINE = "return torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])"
ADA = "/".join(["", "home", "ada", "course"])  # not a path in this file
OTHER = LINE.replace("features", "z").replace("labels", "y").replace(" k ", " c ").replace("== k]", "== c]")


def notebook(**cell):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "source": "", "execution_count": None} | cell
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("hw2/util.py", f"def f(x):\n    {LINE}\n", "exercises/protonet/solution.py"),
        ("hw2/util.py", f"# {LINE}\n", "exercises/protonet/solution.py"),
        ("README.md", f"Try `{LINE[7:]}`.", "exercises/protonet/solution.py"),
        ("hw2/util.py", LINE.replace(" for", "\n    for").replace("(dim", "( dim"), "exercises/protonet/solution.py"),
        ("hw2/util.py", OTHER, "with other names"),
        ("hw2/hw2.ipynb", notebook(source=["x = 1\n", LINE]), "hw2/hw2.ipynb, cell 1: line"),
        ("hw2/hw2.ipynb", notebook(outputs=[{"text": [LINE]}]), "output of cell 1: line"),
        ("autograder/exercises/protonet/answers.json", json.dumps({"says": LINE}), "exercises/protonet/solution.py"),
        ("autograder/exercises/protonet/solution.py", "", "is the instructor's"),
        ("autograder/exercises/protonet/mutants.md", "", "is the instructor's"),
        ("autograder/exercises/protonet/alternatives.md", "", "is the instructor's"),
        ("autograder/instructor/references.py", "", "is the instructor's"),
        ("hw2/__pycache__/util.cpython-311.pyc", b"\0", "is the instructor's, or nobody's"),
        (".git/HEAD", "ref", "is the instructor's, or nobody's"),
        ("hw2/util.py", "SEED = 987654321", "a secret seed"),
        ("data/notes.txt", f"see {ADA}", f"a path of somebody's machine, {ADA}"),
        ("autograder/exercises/protonet/x.safetensors", b"\0\1C:\\Users\\ada", "a path of somebody's machine"),
        ("data/notes.txt", str(paths.COURSE), "a path of this machine"),
    ],
)  # fmt: skip
def test_a_leak_of_each_kind_is_found_and_its_place_named(name, content, said):
    content = content.encode() if isinstance(content, str) else content
    (leak, *more) = found({"CHANGELOG.md": b"# Changes\n", name: content})
    assert leak.startswith(f"hw2-handout/{name}") and said in " ".join([leak, *more])


def alone(name, content):
    """What is found in a file that lies alone in an archive."""
    content = content.encode() if isinstance(content, str) else content
    return [str(leak) for leak in leaks.find(archives.pack({name: content}, "h"), EXERCISES.values(), [987654321])]


def packed(write, content):
    """An archive's bytes: `write` puts the content into a file that is open."""
    file = io.BytesIO()
    write(file, content)
    return file.getvalue()


def uuencoded(content):
    lines = (binascii.b2a_uu(content[i : i + 45]).decode() for i in range(0, len(content), 45))
    return "begin 644 x.py\n" + "".join(lines) + "`\nend\n"


def tar(file, content):
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("x.py")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def commented(file, content):
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = content


def in_array(dtype):
    return save({"bias": np.frombuffer(LINE.encode(), np.uint8).astype(dtype)})


PLAIN = LINE.encode()
B64 = base64.b64encode(PLAIN).decode()
ZIP = archives.pack({"x.py": PLAIN})
DISGUISES = {
    "base64": f"x = '{B64}'",
    "base64 on several lines": "x = (\n" + "".join(f'    "{B64[i : i + 20]}"\n' for i in range(0, len(B64), 20)) + ")",
    "base64 joined by plus": " + ".join(f'"{B64[i : i + 24]}"' for i in range(0, len(B64), 24)),
    "base64 of base64": base64.b64encode(B64.encode()),
    "base64 for addresses": base64.urlsafe_b64encode(b"\xff\xfe\xfb" + PLAIN).rstrip(b"="),
    "base64 of zlib": base64.b64encode(zlib.compress(PLAIN)),
    "base64 of gzip": base64.b64encode(gzip.compress(PLAIN, mtime=0)),
    "base64 of UTF-16": base64.b64encode(LINE.encode("utf-16-le")),
    "base32": base64.b32encode(PLAIN),
    "base85": base64.b85encode(PLAIN),
    "ascii85": base64.a85encode(PLAIN),
    "hexadecimal": f"bytes.fromhex('{PLAIN.hex()}')",
    "hexadecimal with spaces": PLAIN.hex(" "),
    "escapes": "".join(f"\\x{byte:02x}" for byte in PLAIN),
    "unicode escapes": "".join(f"\\u{byte:04x}" for byte in PLAIN),
    "rot13": "# " + codecs.encode(LINE, "rot13"),
    "backwards": LINE[::-1],
    "entities": "".join(f"&#{byte};" for byte in PLAIN),
    "percent signs": "".join(f"%{byte:02X}" for byte in PLAIN),
    "quoted-printable": quopri.encodestring(PLAIN, quotetabs=True),
    "character codes": f"bytes({list(PLAIN)})",
    "pieces": " + ".join(f'"{LINE[i : i + 7]}"' for i in range(0, len(LINE), 7)),
    "full-width letters": "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in LINE),
    "unseen characters": "\u200b".join(LINE),
    "UTF-16": LINE.encode("utf-16"),
    "UTF-16, big end first": LINE.encode("utf-16-be"),
    "UTF-32": LINE.encode("utf-32"),
    "gzip": gzip.compress(PLAIN, mtime=0),
    "bzip2": bz2.compress(PLAIN),
    "xz": lzma.compress(PLAIN),
    "zlib among other bytes": b"\x89PNG\r\n\0\0\0\xff" + zlib.compress(PLAIN) + b"\0\xfe",
    "zip": ZIP,
    "zip in a zip": archives.pack({"a/b.zip": ZIP}),
    "zip in a zip in a tar": packed(tar, archives.pack({"a/b.zip": ZIP})),
    "tar in gzip": gzip.compress(packed(tar, PLAIN), mtime=0),
    "comment of a zip": packed(commented, PLAIN),
    "behind a picture": b"\x89PNG\r\n\0\0\0" + ZIP,
    "base64 in a comment": "\n".join(f"# {B64[i : i + 22]}" for i in range(0, len(B64), 22)),
    "base64 in an answer by mail": "\n".join(f"> {B64[i : i + 30]}" for i in range(0, len(B64), 30)),
    "base64 without a header": base64.b64encode(zlib.compress(PLAIN, wbits=-15)),
    "uuencode": uuencoded(PLAIN),
    "UTF-7": LINE.encode("utf-7").replace(b"[", b"+AFs-"),
    "binary digits": " ".join(f"{byte:08b}" for byte in PLAIN),
    "binary digits in one": "".join(f"{byte:08b}" for byte in PLAIN),
    "octal numbers": " ".join(f"{byte:03o}" for byte in PLAIN),
    "octal numbers of Python": ", ".join(map(oct, PLAIN)),
    "hexadecimal with colons": PLAIN.hex(":"),
    "characters put together": "+".join(f"chr({byte})" for byte in PLAIN),
    "a sum of codes": "+".join(map(str, PLAIN)),
    "capital letters": LINE.upper(),
    "Cyrillic letters": LINE.translate(str.maketrans("aeopcx", "\u0430\u0435\u043e\u0440\u0441\u0445")),
    "accents": "\u0301".join(LINE),
    "unseen letters": "".join(chr(0xE0000 + byte) for byte in PLAIN),
    "unseen variants": "x" + "".join(chr(0xE0100 + byte - 16) for byte in PLAIN),
    "tags": "".join(f"<b>{character}</b>" for character in LINE),
    "lzma": lzma.compress(PLAIN, format=lzma.FORMAT_ALONE),
    "gzip behind a picture": b"\x89PNG\r\n\0\0\0\xff" + gzip.compress(PLAIN, mtime=0) + b"\xff\0",
    "bzip2 behind a picture": b"\x89PNG\r\n\0\0\0\xff" + bz2.compress(PLAIN) + b"\xff\0",
    "array of NumPy's": packed(np.save, np.frombuffer(PLAIN, np.uint8).astype(np.float32)),
    "arrays of NumPy's, packed": packed(np.savez_compressed, np.frombuffer(PLAIN, np.uint8).astype(np.float64)),
    "array of bytes": in_array(np.uint8),
    "array of numbers": in_array(np.float32),
    "text of an array": save({"x": np.zeros(2, np.float32)}, {"note": LINE}),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_line_of_a_solution_is_found_in_every_disguise(disguise):
    assert any("exercises/protonet/solution.py" in leak for leak in alone("data/x.txt", DISGUISES[disguise]))


@pytest.mark.parametrize(
    ("place", "cell"),
    [
        ("metadata of cell 1", {"metadata": {"note": LINE}}),
        ("attachments of cell 1", {"attachments": {"x.txt": {"text/plain": B64}}}),
        ("output of cell 1", {"outputs": [{"data": {"text/html": [LINE.replace("=", "&#61;")]}}]}),
        ("cell 1, base64", {"source": ["x = '", B64, "'"]}),
        ("id of cell 1", {"id": LINE}),
    ],
)
def test_a_line_of_a_solution_is_found_all_over_a_notebook(place, cell):
    found = alone("hw2/hw2.ipynb", notebook(**cell))
    assert any(place in leak and "protonet/solution.py" in leak for leak in found), found
    whole = json.loads(notebook()) | {"metadata": {"authors": [{"name": LINE}]}}
    assert any("metadata" in leak for leak in alone("hw2/hw2.ipynb", json.dumps(whole)))


LOGITS = "-(features[:, None] - prototypes[None]).square().sum(dim=-1)"


@pytest.mark.parametrize(
    "code",
    [
        "-(query[:, None] - prototypes[None]).pow(2).sum(dim=-1)",
        "-((query[:, None] - prototypes[None]) ** 2).sum(-1)",
        "-torch.sum(torch.square(query[:, None] - prototypes[None]), axis=-1)",
        "logits = -1 * torch.sum((q[:, None] - p[None]).pow(2.0), dim=-1)  # shorter",
        "return torch.neg(torch.pow(torch.sub(x[:, None], y[None]), 2).sum(dim=-1))",
        "d = (a[:, None] - b[None]) * (a[:, None] - b[None])",
        "torch.stack([z[y == c].mean(0) for c in range(int(torch.max(y)) + 1)], dim=0)",
        "means = torch.stack(tuple(torch.mean(z[c == y], dim=0) for c in range(1 + int(y.max()))))",
        "{name: w - self._inner_lrs[name] * g for name, w, g in zip(names, ws, gs)}",
    ],
)
def test_an_expression_of_a_solution_is_found_in_another_spelling(code):
    assert LOGITS in SOLUTION
    for text in (code, f"# {code}", f"Use `{code.partition('  #')[0]}`.", code.replace("(", "(\n    ", 1)):
        assert any("in another spelling" in leak for leak in alone("hw2/util.py", text)), text


@pytest.mark.parametrize("number", ["1" * 400, "1" * 5000, "0x" + "f" * 5000])
def test_a_number_of_any_length_is_looked_at(number):
    assert alone("data/x.py", f"largest = {number}") == []


def test_seeds_and_places_are_found_in_disguise():
    assert any("a secret seed" in leak for leak in alone("data/x.txt", base64.b64encode(b"the seed is 987654321")))
    assert any("somebody's machine" in leak for leak in alone("data/x.txt", gzip.compress(ADA.encode(), mtime=0)))


# It carries what was generated or named


DROPPED = {
    "hw2/notes.md": "notes",
    "hw2/answers.py": "x = 1",
    "hw2/old/maml.py": "x = 1",
    "data/rubric.py": "x = 1",
    "trainer/mine.py": "x = 1",
    "autograder/exercises/maml/notes.json": "{}",
    "autograder/exercises/maml/more.safetensors": "",
    "autograder/exercises/maml/more.py": "x = 1",
}


@pytest.fixture
def dropped():
    """Files that somebody has put into the course folder."""
    for name, content in DROPPED.items():
        path = paths.COURSE / name
        assert not path.exists()
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    try:
        yield
    finally:
        for name in DROPPED:
            (paths.COURSE / name).unlink()
        (paths.COURSE / "hw2" / "old").rmdir()


def test_what_was_dropped_into_a_folder_is_not_carried_and_that_is_said(files, dropped, monkeypatch, capsys, tmp_path):
    names = set(carried.modules("hw2"))
    names |= {f"{e.place}/{part}" for e in catalog.exercises("hw2") for part in carried.parts(e)}
    assert not names & DROPPED.keys()
    assert carried.left("hw2", names | files.keys()) == sorted(DROPPED)
    from autograder.instructor.handout import command

    monkeypatch.setattr(command, "build", lambda homework, **given: files)
    monkeypatch.setattr(leaks, "find", lambda *_: [])
    assert command.handout("hw2", tmp_path / "h.zip", True, command.Wanted()) == 0
    said = capsys.readouterr().out
    assert "Not carried" in said and all(name in said for name in DROPPED) and leaks.UNSEEN in said


def test_of_an_exercises_texts_students_get_its_learner_alone(files, unpacked):
    for exercise in catalog.exercises("hw2"):
        assert {f"{exercise.place}/learner.py", f"{exercise.place}/probe.py"} <= files.keys()
        assert not [name for name in carried.HIDDEN if f"{exercise.place}/{name}" in files]
    assert "hw2/introduction.md" not in files
    for name, said in (("maml", "There is no checkpoint logs/maml/omniglot/best"), ("black_box", "No such command")):
        line = [sys.executable, "-m", "hw2.train", name, "--test"]
        done = subprocess.run(line, cwd=unpacked, capture_output=True, text=True, check=False)
        assert done.returncode in (1, 2) and said in done.stderr


def test_a_file_that_is_named_is_carried(dropped):
    assert build._named([paths.COURSE / "hw2" / "notes.md"]) == {"hw2/notes.md": b"notes"}
    for name in ("autograder/instructor/references.py", "hw2/maml.py", "hw2/nothing.md", "../elsewhere"):
        with pytest.raises(build.CarryError, match="cannot be carried"):
            build._named([paths.COURSE / name])


def test_all_that_programs_and_checks_import_is_carried(files):
    for name in (name for name in files if name.endswith(".py")):
        path = paths.COURSE / name
        if "autograder/stubs" not in name and path.is_file():
            missing = set(carried.imported(path)) - files.keys()
            assert not [name for name in missing if "/instructor/" not in name], (name, missing)


LISTED = catalog.Homework("Two", required={"protonet": 40.0}, optional={"maml": 12.5}, term="Spring")


@pytest.fixture
def handed_out(monkeypatch, tmp_path):
    """Write a handout, without answers, by what the command line says: its files, status and what is said."""
    from autograder.instructor.handout import command

    monkeypatch.setattr(build, "record", lambda exercise, seed, many: {})
    monkeypatch.setattr(leaks, "find", lambda *_: [])
    monkeypatch.setattr(catalog, "_homework", lambda name: LISTED)
    monkeypatch.setattr(command.generated, "stale", lambda homework: {})

    def write(**wanted):
        assert command.handout("hw2", tmp_path / "out", False, command.Wanted(**wanted)) == 0
        return {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.*")}

    return write


def test_a_handout_has_what_the_list_says_with_its_term(handed_out):
    written = handed_out()
    assert written["hw2/homework.toml"].read_text() == catalog.write(LISTED)
    told = manifest.read(written[manifest.PATH].read_bytes())
    assert (told.term, told.due) == ("Spring", "") and "hw2/maml.py" in told.files
    readme = written["README.md"].read_text()
    assert "TODOs in `hw2/protonet.py`. Optional, and outside the sum: `hw2/maml.py`." in readme
    assert "**Problem 2 (optional)." in written["hw2/README.md"].read_text()
    for damage, sentence in (
        ("required = 3", "hw2/homework.toml has no title."),
        (
            'title = "T"\nrequired = { protonet = 1 }\nhints = "never"',
            'hw2/homework.toml: hints = \'never\' is none of "asked", "second failure", "always".',
        ),
        (None, "hw2/homework.toml is missing: "),
    ):
        written["hw2/homework.toml"].unlink()
        if damage:
            written["hw2/homework.toml"].write_text(damage)
        for words in (["hw2"], ["submit", "hw2"]):
            status, said = run(written["README.md"].parent, *words)
            assert status == 3 and said.startswith(sentence) and len(said.splitlines()) == 1, said


def test_a_handout_without_an_exercise_has_nothing_of_it(handed_out, capsys):
    written = handed_out(dropped=("protonet",), counted=("maml",), due="2027-03-01 12:00 +00:00")
    listed = msgspec.toml.decode(written["hw2/homework.toml"].read_bytes(), type=catalog.Homework)
    assert listed.required == {"maml": 12.5} and not listed.optional
    assert (listed.term, listed.due) == ("Spring", "2027-03-01 12:00 +00:00")
    assert not [name for name in written if "protonet" in name]
    told = manifest.read(written[manifest.PATH].read_bytes())
    assert told.due == listed.due and "hw2/maml.py" in told.files
    assert "TODOs in `hw2/maml.py`." in written["README.md"].read_text()
    assert "ProtoNet._prototypes" not in written["hw2/README.md"].read_text() + written["hw2/hw2.ipynb"].read_text()
    said = capsys.readouterr().out
    assert "protonet" not in said and "`class` and `gradescope` grade by hw2/homework.toml" in said
    done = run(written["README.md"].parent, "hw2", "--list")
    assert done[0] == 0 and done[1].endswith("hw2: 12.5 points\n"), done
    assert catalog.homework("hw2") is LISTED  # as before


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"dropped": ("mann",)}, "hw2/homework.toml does not list mann, but protonet, maml."),
        ({"counted": ("mann",)}, "hw2/homework.toml does not list mann, but protonet, maml."),
        ({"counted": ("maml",), "dropped": ("maml",)}, "maml cannot be required and left out."),
        ({"dropped": ("maml", "protonet")}, "No exercise of hw2 would be left."),
        ({"due": "2026-12-01"}, "--due: '2026-12-01' is no time with its zone, as \"2026-12-01 23:59 -08:00\"."),
    ],
)
def test_a_handout_that_cannot_be_is_a_sentence(handed_out, wanted, said):
    with pytest.raises(click.UsageError) as error:
        handed_out(**wanted)
    assert error.value.message == said


def test_the_manifest_accounts_for_every_byte(files):
    assert build.unaccounted(files) == []
    assert build.unaccounted(files | {"hw2/util.py": b"x"}) == ["hw2/util.py"] * 2
    assert build.unaccounted(files | {"hw2/more.py": b""}) == ["hw2/more.py"]
    assert build.unaccounted({name: content for name, content in files.items() if name != "README.md"}) == ["README.md"]


def test_the_name_of_its_maker_is_a_leak(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "adalovelace")
    assert any("the name of a user" in leak for leak in found({"hw2/util.py": b"# adalovelace"}))


def test_a_handout_that_leaks_is_not_written(tmp_path, monkeypatch, capsys, files):
    from autograder.instructor.handout import command

    few = {name: content for name, content in files.items() if "/" not in name or name == manifest.PATH}
    monkeypatch.setattr(command, "build", lambda homework, **given: few | {"README.md": LINE.encode()})
    assert command.handout("hw2", tmp_path / "h.zip", True, command.Wanted()) == 3
    assert not list(tmp_path.iterdir()) and "hw2-handout/README.md" in capsys.readouterr().err


# It costs nobody their work


def corrected(files):
    """The next version: another README, and another docstring and TODO in one of the students' files."""
    files = dict(files)
    stub = files["hw2/maml.py"].decode()
    assert "# TODO: " in stub and "theta keeps its values" in stub
    stub = stub.replace("# TODO: ", "# TODO: (mended) ", 1).replace("import torch\n", "import torch  # mended\n", 1)
    for name in ("hw2/maml.py", f"{manifest.BASES}/hw2/maml.py"):
        files[name] = stub.encode()
    files["hw2/README.md"] += b"Mended.\n"
    told = manifest.read(files.pop(manifest.PATH))
    told.version = "0.1.0+mended"
    told.files = {name: manifest.digest(content) for name, content in files.items()}
    return files | {manifest.PATH: json.dumps(dict(zip(told.__struct_fields__, _values(told), strict=True))).encode()}


def _values(struct):
    return [getattr(struct, name) for name in struct.__struct_fields__]


def test_work_is_taken_over_into_a_corrected_handout(files, unpacked, tmp_path):
    solve(unpacked)
    (unpacked / "hw2" / "train.py").write_text("# mine\n")
    (unpacked / "hw2" / "extra.py").write_text("# mine\n")
    before = {
        path: path.read_bytes() for path in unpacked.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    new = put(corrected(files), tmp_path / "new")
    status, said = run(unpacked, "upgrade", new)
    assert status == 1, said
    assert "hw2/protonet.py: taken over, all of it." in said
    assert "There the handout has changed:" in said and "+ " in said and "# TODO: (mended) " in said
    assert "hw2/train.py: you have changed it" in said and "hw2/extra.py: it is a file of your own" in said
    assert "is now yours, handout 0.1.0+mended" in said
    merged = (new / "hw2" / "maml.py").read_text()
    assert merged == before[unpacked / "hw2" / "maml.py"].decode().replace(
        "import torch\n", "import torch  # mended\n", 1
    )
    assert all(path.read_bytes() == content for path, content in before.items())
    status, said = run(unpacked, "upgrade", new)
    assert status == 4 and "has been worked in already" in said


def test_work_on_an_exercise_that_the_new_handout_lacks_is_named(files, unpacked, tmp_path):
    gone = catalog.exercises("hw2")[-1].file
    told = manifest.read(files[manifest.PATH])
    told.files.pop(gone)
    put({name: content for name, content in files.items() if name != gone}, tmp_path / "new")
    (tmp_path / "new" / manifest.PATH).write_bytes(msgspec.json.encode(told))
    solve(unpacked)
    status, said = run(unpacked, "upgrade", tmp_path / "new")
    assert status == 1 and f"{gone}: the new handout has no such exercise: not taken over." in said
    assert not (tmp_path / "new" / gone).exists()


def test_work_is_taken_over_into_an_archive(files, unpacked, tmp_path):
    solve(unpacked)
    (tmp_path / "new.zip").write_bytes(archives.pack(corrected(files), "hw2-handout"))
    status, said = run(unpacked, "upgrade", tmp_path / "new.zip")
    assert status == 1, said
    assert "Prototypical" in (tmp_path / "new" / "hw2-handout" / "hw2" / "README.md").read_text().title()
    status, said = run(unpacked, "upgrade", tmp_path / "new.zip")
    assert status == 4 and "is there already" in said


def test_answers_in_a_notebook_are_taken_over_by_their_cells(files, tmp_path):
    def cells(*answers):
        made = [
            {"cell_type": "markdown", "id": name, "metadata": {"tags": ["answer"]}, "source": text}
            for name, text in answers
        ]
        return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()

    def with_notebook(files, content):
        told = json.loads(files[manifest.PATH])
        told["files"]["hw2/hw2.ipynb"] = manifest.digest(content)
        return files | {"hw2/hw2.ipynb": content, manifest.PATH: json.dumps(told).encode()}

    old = put(with_notebook(files, cells(("one", ""), ("two", ""))), tmp_path / "old")
    (old / "hw2" / "hw2.ipynb").write_bytes(cells(("one", ["My\n", "answer"]), ("two", "Lost")))
    new = put(with_notebook(corrected(files), cells(("zero", ""), ("one", ""))), tmp_path / "new")
    status, said = run(old, "upgrade", new)
    assert status == 1 and "this answer has no place in the new one: Lost" in said, said
    got = {cell["id"]: cell["source"] for cell in json.loads((new / "hw2" / "hw2.ipynb").read_bytes())["cells"]}
    assert got == {"zero": "", "one": ["My\n", "answer"]}


def test_nothing_is_taken_over_into_what_is_no_handout(unpacked, tmp_path):
    status, said = run(unpacked, "upgrade", tmp_path)
    assert status == 4 and "is no handout" in said
    status, said = run(unpacked, "upgrade", unpacked)
    assert status == 4 and "is this folder itself" in said


# What is handed in


def test_submit_packs_what_is_to_be_handed_in_and_the_grader_takes_it(unpacked):
    solve(unpacked)
    (unpacked / "hw2" / "answers.pdf").write_bytes(b"%PDF-1.7\n")
    status, said = run(unpacked, "submit", "hw2", "--unchecked")
    assert status == 0 and "The grader accepts it: hand it in by 2026-12-01 23:59 -08:00." in said
    archive = unpacked / "hw2-submission.zip"
    names = set(zipfile.ZipFile(io.BytesIO(archive.read_bytes())).namelist())
    assert {"hw2/protonet.py", "hw2/maml.py", "manifest.json"} <= names and "hw2/train.py" not in names
    from autograder.intake import submission

    handed_in = submission.collect(archive, "hw2")
    assert handed_in.files.keys() == {exercise.file for exercise in catalog.exercises("hw2")} and not handed_in.notes
    assert handed_in.handout == json.loads((unpacked / manifest.PATH).read_bytes())["version"]


def test_submit_says_what_will_cost_points_and_packs_what_is_there(unpacked):
    (unpacked / "hw2" / "maml.py").write_text("def f(:\n")
    status, said = run(unpacked, "submit", "hw2", "--unchecked")
    assert status == 1 and "hw2/maml.py, line 1 is not Python and will earn nothing" in said
    assert "hw2/protonet.py has 3 TODOs left." in said
    (unpacked / "hw2-submission.zip").unlink()
    (unpacked / "hw2" / "maml.py").rename(unpacked / "hw2" / "maml2.py")
    status, said = run(unpacked, "submit", "hw2", "--unchecked")
    assert status == 1 and "Expected hw2/maml.py, found hw2/maml2.py: rename it. It earns nothing so." in said
    assert (unpacked / "hw2-submission.zip").exists() and "accepts" not in said


@pytest.mark.parametrize("homework", catalog.homeworks())
def test_all_that_a_worker_needs_is_carried(homework):
    assert {f"autograder/{name}" for name in box.WORKER} <= set(carried.modules(homework))
