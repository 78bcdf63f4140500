"""A stand-in for Gradescope's container: its folders, its root without rights over the machine, its memory.

bubblewrap makes it, as root without a user namespace: an empty root with /usr, an interpreter where others may read
it, the capabilities that Docker leaves, and /autograder. What a container mostly lacks is switched off for real: bwrap
is no program, and the kernel answers that it has no Landlock.
"""

import contextlib
import json
import os
import struct
import subprocess
import threading
import time
import zipfile
from pathlib import Path

from autograder.isolation import bubblewrap as real
from autograder.isolation import python, seccomp, totals

KEPT = (  # by Docker
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
    "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
)  # fmt: skip
MEMORY = 768 * 10**6  # bytes of Gradescope's default container
LANDLOCK = (444, 445, 446)
INTERVAL = 0.05  # seconds between two looks at the memory
ENOSYS = 38


class Container:
    """The stand-in.

    Args:
        folder: for its files.
        archive: autograder.zip.
        bubblewrap: whether it has a bwrap.
        landlock: whether its kernel has Landlock.
    """

    def __init__(self, folder, archive, *, bubblewrap=False, landlock=False):
        self.place = folder / "autograder"
        self._python = folder / "python"
        self._options = self._root(bubblewrap)
        self._landlock = landlock
        self.peak = 0  # largest PSS of all processes together, bytes
        self.seconds = 0.0  # of the processor
        for name in ("source", "submission", "results"):
            (self.place / name).mkdir(parents=True)
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(self.place / "source")
        for script in ("setup.sh", "run_autograder"):
            (self.place / "source" / script).chmod(0o755)
        (self.place / "run_autograder").write_bytes((self.place / "source" / "run_autograder").read_bytes())
        (self.place / "run_autograder").chmod(0o755)
        (self.place / "submission_metadata.json").write_text('{"users": [{"name": "A Student"}]}')

    def hand_in(self, files):
        """Put a student's files where Gradescope puts them."""
        for name, content in files.items():
            target = self.place / "submission" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def results(self):
        """results.json as it is now."""
        return json.loads((self.place / "results" / "results.json").read_text())

    def grade(self, *, memory=MEMORY, timeout=900, **running):
        """Run run_autograder to its end: the finished process; how much it took is kept."""
        with self.running(["/autograder/run_autograder"], memory=memory, **running) as process:
            out, _ = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(process.args, process.returncode, out)

    @contextlib.contextmanager
    def running(self, command, *, memory=None):
        """A command in it, with what it prints; all memory together has a bound, where the kernel can count it."""
        filtered, filled = os.pipe()
        os.write(filled, _without(() if self._landlock else LANDLOCK))
        os.close(filled)
        limits = next(totals.candidates(), None) if memory else None
        waiting = ["/bin/sh", "-c", 'read -r go; exec "$@"', "-"]  # until its memory is counted
        process = subprocess.Popen(
            [*waiting, "bwrap", *self._options, "--seccomp", str(filtered), "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(filtered,),
            env={"PATH": os.environ["PATH"]},
            text=True,
        )
        os.close(filtered)
        group = limits.adopt(process.pid, memory) if limits else None
        watching = threading.Thread(target=self._watch, args=(process,))
        watching.start()
        try:
            process.stdin.write("\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()
            process.wait()
            watching.join()
            if group:
                group.close()

    def _watch(self, process):
        used = {}
        while process.poll() is None:
            family = totals._family(process.pid)
            if sum(map(totals._resident, family)) > self.peak:  # quicker to read, and never less
                self.peak = max(self.peak, sum(map(totals._proportional, family)))
            for pid in family:
                used[pid] = max(used.get(pid, 0.0), _processor(pid))
            time.sleep(INTERVAL)
        self.seconds = sum(used.values())

    def _root(self, bubblewrap):
        """bwrap's options."""
        options = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--cap-drop", "ALL"]
        options += [part for name in KEPT for part in ("--cap-add", f"CAP_{name}")]
        options += ["--ro-bind", "/usr", "/usr", "--dir", "/root", "--chmod", "0700", "/root", "--dir", "/home"]
        options += ["--dir", "/srv"]
        for link in ("/lib", "/lib64", "/bin", "/sbin"):
            path = Path(link)
            options += ["--symlink", str(path.readlink()), link] if path.is_symlink() else ["--ro-bind", link, link]
        options += ["--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind", "/etc/passwd", "/etc/passwd"]
        options += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chmod", "1777", "/tmp"]
        options += ["--chmod", "1777", "/dev/shm", "--bind", str(self.place), "/autograder"]
        folders = [str(real._inside(folder)) for folder in python.package_folders()]
        for source, target in python.mounts().items():
            options += ["--ro-bind", str(source), target]
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": "/root",
            "LD_LIBRARY_PATH": "/python/lib",
            "PACKAGES": ":".join(folders),
        }
        for name, value in environment.items():
            options += ["--setenv", name, value]
        self._python.write_text(_START.format(python=real._inside(python.executable())))
        self._python.chmod(0o755)
        options += ["--ro-bind", str(self._python), "/opt/homework/bin/python"]
        hidden = Path("/usr/bin/bwrap").exists() and not bubblewrap
        return [*options, *(["--ro-bind", "/dev/null", "/usr/bin/bwrap"] if hidden else [])]


# Stands for the interpreter of the virtual environment that setup.sh makes.
_START = """#!/bin/sh
PYTHONPATH="$PYTHONPATH:$PACKAGES" exec {python} "$@"
"""


def _without(calls):
    """A filter of system calls after which the kernel seems not to know these."""
    machine = struct.pack("<HBBI", seccomp.LOAD, 0, 0, seccomp.NUMBER)
    tests = [(seccomp.EQUAL, len(calls) - at, 0, call) for at, call in enumerate(calls)]
    ends = [(seccomp.RETURN, 0, 0, seccomp.ALLOW), (seccomp.RETURN, 0, 0, seccomp.ERROR | ENOSYS)]
    return machine + b"".join(seccomp.INSTRUCTION.pack(*line) for line in [*tests, *ends])


def _processor(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
