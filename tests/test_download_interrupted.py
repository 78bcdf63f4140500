"""data.download on a bad network, killed in the middle, and running twice at once."""

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest
from omniglot_stand_in import (
    FULL,
    ROOT,
    SMALL,
    answer,
    assert_one_sentence,
    corrupt,
    drop,
    expected,
    facts,
    pixels,
    run,
    truncate,
)

from data import download

pytest_plugins = ["omniglot_stand_in"]


def test_a_dropped_connection_is_continued(drawn, server, packed, tmp_path):
    size = len(packed.files[SMALL[0]])
    server.faults = [drop(1000), drop(700), drop(size // 2)]
    download.download(tmp_path / "omniglot", address=server.address)
    ranges = [asked for name, asked in server.requests if name == SMALL[0]]
    assert ranges == [None, "bytes=1000-", "bytes=1700-", f"bytes={1700 + size // 2}-"]
    assert pixels(tmp_path / "omniglot") == expected(packed, *SMALL)


def test_a_server_that_cannot_continue_is_asked_for_all(drawn, server, packed, tmp_path):
    server.ranges, server.faults = False, [drop(1000), drop(3000)]
    download.download(tmp_path / "omniglot", address=server.address)
    assert pixels(tmp_path / "omniglot") == expected(packed, *SMALL)


@pytest.mark.parametrize("fault", [answer(500), answer(503), answer(429), drop(0), corrupt, truncate])
def test_one_failure_of_any_kind_is_made_good(drawn, server, packed, tmp_path, fault):
    server.faults = [fault]
    download.download(tmp_path / "omniglot", address=server.address)
    assert pixels(tmp_path / "omniglot") == expected(packed, *SMALL)


def test_a_file_that_stays_wrong_is_named_with_both_checksums(drawn, server, packed, tmp_path):
    server.files[SMALL[1]] = bad = packed.files[SMALL[1]][:-1] + b"?"
    with pytest.raises(click.ClickException) as error:
        download.download(tmp_path / "place" / "omniglot", address=server.address)
    message = error.value.message
    assert SMALL[1] in message
    assert packed.known[Path(SMALL[1]).stem].checksum.partition(":")[2] in message
    assert hashlib.sha256(bad).hexdigest() in message
    assert not (tmp_path / "place" / "omniglot").exists()
    server.files = dict(packed.files)
    assert download.download(tmp_path / "place" / "omniglot", address=server.address)


def test_a_file_that_is_not_there_is_not_asked_for_again(drawn, server, tmp_path):
    del server.files[SMALL[0]]
    with pytest.raises(click.ClickException, match="404"):
        download.download(tmp_path / "place" / "omniglot", address=server.address)
    assert len(server.requests) == 1
    assert list((tmp_path / "place").iterdir()) == []


def test_without_a_network_the_sentence_names_source(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(download.download, "__defaults__", (False, None, "http://127.0.0.1:9/"))
    result = run("--out", tmp_path / "omniglot")
    assert_one_sentence(result, "127.0.0.1:9/images_background_small1.zip", "refused", "--source")
    assert not (tmp_path / "omniglot").exists()


PROGRAM = """
import os, pickle, signal, sys
from pathlib import Path
from data import archives, download, tree

settings = pickle.loads(bytes.fromhex(sys.argv[1]))
for name, value in settings["facts"].items():
    setattr(archives, name, value)

def killing(function, number):
    left = [number]
    def wrapped(*arguments, **keywords):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **keywords)
    return wrapped

where, number = settings["kill"]
if where == "fetch":
    download.BLOCK = 10_000  # more than a file's buffer
    download._block = killing(download._block, number)
elif where == "unpack":
    tree.save = killing(tree.save, number)
elif where == "move":
    Path.rename = killing(Path.rename, number)
download.download(Path(settings["out"]), settings["full"], address=settings["address"])
"""


def start(packed, server, out, full=False, kill=(None, 0)):
    settings = {"facts": facts(packed.known), "out": str(out), "full": full, "address": server.address, "kill": kill}
    command = [sys.executable, "-c", PROGRAM, pickle.dumps(settings).hex()]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is for POSIX")
@pytest.mark.parametrize("kill", [("fetch", 1), ("unpack", 20), ("move", 0), ("move", 1)])
def test_a_run_killed_anywhere_leaves_old_or_nothing_and_the_next_one_succeeds(drawn, server, packed, tmp_path, kill):
    out = tmp_path / "place" / "omniglot"
    download.download(out, address=server.address)
    small = pixels(out)
    process = start(packed, server, out, full=True, kill=kill)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert not out.exists() if kill == ("move", 1) else pixels(out) == small
    del server.requests[:]
    assert download.download(out, full=True, address=server.address)
    assert pixels(out) == expected(packed, *FULL)
    assert [path.name for path in out.parent.iterdir()] == ["omniglot"]
    if kill[0] == "fetch":
        assert server.requests[0] == (FULL[0], "bytes=10000-")


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is for POSIX")
def test_an_upgrade_killed_between_its_two_moves_is_put_back_by_a_run_that_wants_no_upgrade(
    drawn, server, packed, tmp_path
):
    out = tmp_path / "omniglot"
    download.download(out, address=server.address)
    start(packed, server, out, full=True, kill=("move", 1)).communicate(timeout=60)
    assert not out.exists()
    assert not download.download(out, address=server.address)
    assert pixels(out) == expected(packed, *SMALL)


def test_two_runs_at_once_do_the_work_once(drawn, server, packed, tmp_path):
    out = tmp_path / "place" / "omniglot"
    release = threading.Event()

    def wait(handler, content):
        release.wait(30)
        handler.serve(content)

    server.faults = [wait]
    first, second = (start(packed, server, out) for _ in range(2))
    for process in (first, second):  # whichever is second says that it waits; only then may the first go on
        threading.Thread(target=lambda p=process: "waiting" in p.stderr.readline() and release.set()).start()
    assert (first.wait(60), second.wait(60)) == (0, 0)
    assert release.is_set()
    assert [name for name, _ in server.requests] == SMALL
    assert pixels(out) == expected(packed, *SMALL)
    assert [path.name for path in out.parent.iterdir()] == ["omniglot"]
