"""Python with this folder on its path pretends to be on Windows, as far as the course's own code can tell.

What POSIX has and Windows lacks is hidden from modules of the course and of students (Python's own and other packages
have their own ways on Windows): modules, functions, flags and signals, waiting for several pipes, fork. Processes are
started as Windows starts them, and inherit the pretence. What cannot be shown like this: backslashes, files that cannot
be removed while they are open, a real job object.
"""

import builtins
import ctypes
import fcntl
import multiprocessing
import os
import select
import selectors
import signal
import subprocess
import sys
import types
import warnings
from multiprocessing import context, popen_spawn_posix, resource_tracker, synchronize  # noqa: F401  (as they are here)

from absent import COURSE, MODULES, OS, SIGNALS

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120


def hidden(module, names, **instead):
    """The module as it is on Windows: without these names."""
    copy = types.ModuleType(module.__name__, module.__doc__)
    copy.__dict__.update({name: value for name, value in vars(module).items() if name not in names} | instead)
    return copy


def no_pipes(*arguments, **options):
    raise OSError(10038, "An operation was attempted on something that is not a socket")


class FakeSys(types.ModuleType):
    """sys, which is also written to."""

    platform = "win32"

    def __getattr__(self, name):
        return getattr(sys, name)

    def __setattr__(self, name, value):
        setattr(sys, name, value)


class Library:
    """A library that can be loaded by its name alone."""

    def __new__(cls, name, *arguments, **options):
        if name is None:
            raise TypeError("LoadLibrary() argument 1 must be str, not None")
        return ctypes.CDLL(name, *arguments, **options)


def kernel(name, **options):
    """kernel32, as far as jobs of processes need it: a job here is a process and its descendants."""
    assert name == "kernel32"
    jobs = {}

    def create(security, job_name):
        jobs[len(jobs) + 1] = None
        return len(jobs)

    def assign(job, process):
        jobs[job] = process
        return 1

    def set_limits(job, kind, limits, size):
        assert kind == 9 and size == 144 and limits._obj.basic.flags == 0x2000, "not as Windows has it"
        return 1

    def query(job, kind, told, size, returned):
        assert kind == 1 and size == 48, "not as Windows has it"
        told._obj.user = int(1e7 * sum(map(seconds, family(jobs[job]))))
        return 1

    def close(handle):
        for pid in family(jobs.pop(handle, None)):
            os.kill(pid, signal.SIGKILL)
        return 1

    named = {
        "CreateJobObjectW": create,
        "OpenProcess": lambda access, inherit, pid: pid,
        "AssignProcessToJobObject": assign,
        "SetInformationJobObject": set_limits,
        "QueryInformationJobObject": query,
        "CloseHandle": close,
    }
    return types.SimpleNamespace(**named)


def family(ancestor):
    parents = {}
    for pid in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208
        try:
            parents[int(pid)] = int(fields(pid)[1])
        except OSError:
            continue
    found = [ancestor] if ancestor in parents else []
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def fields(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return stat.read().rpartition(")")[2].split()


def seconds(pid):
    return sum(map(int, fields(pid)[11:15])) / os.sysconf("SC_CLK_TCK")


def locking(descriptor, mode, size):
    """msvcrt's."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


selecting = {"select": no_pipes, "DefaultSelector": no_pipes}
PRETENDED = {
    "os": hidden(os, OS, name="nt"),
    "sys": FakeSys("sys"),
    "signal": hidden(signal, SIGNALS),
    "select": hidden(select, ["poll", "epoll", "kqueue"], select=no_pipes),
    "ctypes": hidden(ctypes, ["PyDLL"], CDLL=Library, WinDLL=kernel),
    "msvcrt": types.SimpleNamespace(locking=locking, LK_NBLCK=2),
    "selectors": hidden(selectors, ["PollSelector", "EpollSelector"], **selecting),
}


def of_the_course(importer):
    """Whether a module is the course's or a student's, by its globals."""
    name = importer.get("__package__") or importer.get("__name__") or ""
    if name in ("__main__", "__mp_main__"):
        return str(importer.get("__file__", "")).endswith("shim.py")
    return name.partition(".")[0] in COURSE


def pretending(name, globals=None, locals=None, fromlist=(), level=0, *, honest=builtins.__import__):
    if level == 0 and globals and of_the_course(globals):
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name in PRETENDED:
            return PRETENDED[name]
    return honest(name, globals, locals, fromlist, level)


class Popen(subprocess.Popen):
    """A process as Windows starts it, which pretends as well."""

    def __init__(self, args, *more, env=None, creationflags=0, **options):
        assert not options.pop("pass_fds", ()), "pass_fds not supported on Windows."
        refused = [name for name in ("preexec_fn", "user", "group", "extra_groups", "umask") if options.get(name)]
        if refused:
            raise ValueError(f"{refused} is not supported on Windows platforms")
        inherited = dict(os.environ if env is None else env)
        if "SYSTEMROOT" not in inherited:
            raise OSError("[WinError 10106] The requested service provider could not be loaded or initialized")
        if isinstance(args, list) and "__PYVENV_LAUNCHER__" in inherited:
            args = [inherited.pop("__PYVENV_LAUNCHER__"), *args[1:]]
        folders = [HERE, *filter(None, inherited.get("PYTHONPATH", "").split(os.pathsep))]
        inherited["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(folders))
        inherited |= {name: os.environ[name] for name in ("PYTHONWARNDEFAULTENCODING",) if name in os.environ}
        super().__init__(args, *more, env=inherited, **options)


builtins.__import__ = pretending
subprocess.Popen = Popen
for name in ("fork", "forkserver"):
    context._concrete_contexts.pop(name)
context._default_context._default_context = context._concrete_contexts["spawn"]
multiprocessing.get_all_start_methods = lambda: ["spawn"]
del os.fork, os.forkpty
warnings.filterwarnings("ignore", category=EncodingWarning)
warnings.filterwarnings("error", category=EncodingWarning, module=rf"({'|'.join(COURSE)})\b")
assert multiprocessing.get_start_method() == "spawn"
