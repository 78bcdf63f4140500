"""Where there are no namespaces: what a worker opens by a name that all programs share, opened in its own folder.

The C library makes shared memory and semaphores in /dev/shm, for every program of the machine, and Landlock says
nothing of UNIX sockets. So a worker may do neither. A filter of system calls asks the supervisor instead, the
worker's parent, who does it in the worker's folder and hands the result over, and sees to it that nothing which the
worker starts outlives it. It looks at a copy of what was asked, so nothing can be changed after the look; and it lies
in the worker's own Landlock domain, so that whoever misled it would have gained nothing.
See seccomp_unotify(2).
"""

import array
import contextlib
import ctypes
import errno
import os
import select
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

SUBREAPER, NOT_DUMPABLE, DIE_WITH_PARENT = 36, 4, 1  # prctl
RECEIVE, SEND, STILL_THERE, ADD = 0xC0502100, 0xC0182101, 0x40082102, 0x40182103  # ioctl
QUESTION = struct.Struct("<QIIiIQ6Q")  # struct seccomp_notif
ANSWER = struct.Struct("<QqiI")  # struct seccomp_notif_resp
DESCRIPTOR = struct.Struct("<QIIII")  # struct seccomp_notif_addfd
GO_ON, CLOSE_ON_EXEC = 1, 0o2000000
SET_FILTER, LISTEN, LISTEN_KILLABLE = 1, 1 << 3, 1 << 3 | 1 << 5
OPEN_PROCESS, TAKE_DESCRIPTOR = 434, 438  # pidfd_open, pidfd_getfd: the same on all machines
SHARED = b"/dev/shm/"
PAGE = 4096

libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("count", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def start(confine: Callable[[], None], calls: bytes, numbers: dict[str, int], folder: str, *, scoped: bool) -> None:
    """Return in a child process, which becomes the worker; the parent supervises it, ends with it and as it did.

    Args:
        confine: what the child gives up beside.
        calls: the filter that has the supervisor asked.
        numbers: of these calls.
        folder: the worker's own.
        scoped: whether Landlock lets us signal none but the worker and what it starts.
    """
    grader = os.getppid()
    ours, theirs = socket.socketpair()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signals: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: signals.append(number))
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    libc.prctl(SUBREAPER, 1, 0, 0, 0)
    worker = os.fork()
    if not worker:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        confine()
        listener = _filtered(calls, numbers["seccomp"])
        socket.send_fds(theirs, [b"x"], [listener])
        for descriptor in (listener, woken, wake, ours.detach(), theirs.detach()):  # a forked worker would keep them
            os.close(descriptor)
        return
    libc.prctl(NOT_DUMPABLE, 0, 0, 0, 0)
    theirs.close()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # the grader sees by these pipes whether the worker lives
        os.dup2(nothing, descriptor)
    with contextlib.suppress(BaseException):
        _, listeners, _, _ = socket.recv_fds(ours, 1, 1)
        if not listeners:  # it could not be confined, and is about to say so
            _status[worker] = os.waitpid(worker, 0)[1]
        for listener in listeners:
            supervisor = _Supervisor(listener, numbers, folder)
            supervisor.serve(woken, lambda: signals or os.getppid() != grader or _ended(worker))
    _end(worker, scoped=scoped)


def _filtered(calls: bytes, seccomp: int) -> int:
    program = Program(len(calls) // 8, calls)
    for flags in (LISTEN_KILLABLE, LISTEN):  # the first from Linux 5.19: no signal interrupts what is done for it
        listener = libc.syscall(seccomp, SET_FILTER, flags, ctypes.byref(program))
        if listener >= 0:
            return int(listener)
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class _Supervisor:
    """Answers what the worker and all that it starts ask.

    Args:
        listener: where the questions come in.
        numbers: of the calls.
        folder: in which files and sockets are made.
    """

    def __init__(self, listener: int, numbers: dict[str, int], folder: str):
        self._listener = listener
        self._calls = {number: name for name, number in numbers.items()}
        self._folder = os.path.realpath(folder).encode()
        self._shared = os.path.join(self._folder, b"shared-memory")
        os.mkdir(self._shared, 0o700)
        os.umask(0)

    def serve(self, woken: int, over: Callable[[], object]) -> None:
        """Answer until it is over, of which a byte on this descriptor may tell."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(woken, select.POLLIN)
        while not over():
            for descriptor, event in poll.poll(1000):
                if descriptor == woken:
                    os.read(woken, PAGE)
                elif event & select.POLLIN:
                    with contextlib.suppress(Exception):  # whatever is asked, the next one gets an answer
                        self._receive()
                else:  # the last process that could ask is gone
                    poll.unregister(descriptor)

    def _receive(self) -> None:
        buffer = array.array("B", bytes(QUESTION.size))
        try:
            _ioctl(self._listener, RECEIVE, buffer)
        except OSError:  # who asked has died
            return
        number, pid, _, call, _, _, *arguments = QUESTION.unpack(buffer)
        name = self._calls.get(call, "")
        if name in ("bind", "connect"):  # may have to wait for another of its processes
            threading.Thread(target=self._answer, args=(number, pid, name, arguments), daemon=True).start()
        else:
            self._answer(number, pid, name, arguments)

    def _answer(self, number: int, pid: int, name: str, arguments: list[int]) -> None:
        """Do what is asked, refuse it, or let the kernel do it, by the worker's own rights."""
        error, flags = 0, 0
        try:
            memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
            try:
                _ioctl(self._listener, STILL_THERE, array.array("Q", [number]))  # pid is still who asked
                if name in ("bind", "connect"):
                    self._reach(name, pid, memory, arguments)
                elif name == "openat":
                    if path := self._in_place_of(memory, arguments[1]):
                        return self._open(number, path, *arguments[2:4])
                    flags = GO_ON
                else:
                    flags = 0 if self._change(name, memory, arguments) else GO_ON
            finally:
                os.close(memory)
        except OSError as refused:
            error = -(refused.errno or errno.EPERM)
        except Exception:
            error = -errno.EPERM
        with contextlib.suppress(OSError):
            _ioctl(self._listener, SEND, array.array("B", ANSWER.pack(number, 0, error, flags)))
        return None

    def _in_place_of(self, memory: int, address: int) -> bytes:
        """The file in the worker's folder that stands for one of /dev/shm; empty for any other."""
        path = _text(memory, address)
        name = path.removeprefix(SHARED)
        if name == path or not name or b"/" in name or name in (b".", b".."):
            return b""
        return os.path.join(self._shared, name)

    def _open(self, number: int, path: bytes, flags: int, mode: int) -> None:
        error = 0
        try:
            descriptor = os.open(path, flags & 0xFFFFFFFF | os.O_NOFOLLOW | os.O_NONBLOCK, mode & 0o700)
            try:
                keep = CLOSE_ON_EXEC if flags & os.O_CLOEXEC else 0
                handed = DESCRIPTOR.pack(number, 0, descriptor, 0, keep)
                value = _ioctl(self._listener, ADD, array.array("B", handed))
            finally:
                os.close(descriptor)
        except OSError as refused:
            value, error = 0, -(refused.errno or errno.EPERM)
        with contextlib.suppress(OSError):
            _ioctl(self._listener, SEND, array.array("B", ANSWER.pack(number, value, error, 0)))

    def _change(self, name: str, memory: int, arguments: list[int]) -> bool:
        """Link or remove a file in /dev/shm; whether it is one."""
        at = {"unlink": (0,), "unlinkat": (1,), "link": (0, 1), "linkat": (1, 3)}[name]
        paths = [self._in_place_of(memory, arguments[each]) for each in at]
        if not all(paths):
            return False
        if len(paths) == 1:
            os.unlink(paths[0])
        else:
            os.link(*paths, follow_symlinks=False)
        return True

    def _reach(self, name: str, pid: int, memory: int, arguments: list[int]) -> None:
        """Bind or connect a socket of the worker's, where the address is a file in its own folder."""
        address = os.pread(memory, min(arguments[2], 110), arguments[1])
        path = address[2:].split(b"\0")[0]
        if address[:2] != struct.pack("=H", socket.AF_UNIX) or not path:
            raise PermissionError(errno.EPERM, "no file")
        here = os.readlink(f"/proc/{pid}/cwd").encode()
        folder, file = os.path.split(os.path.join(here, path))
        held = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            inside = os.readlink(f"/proc/self/fd/{held}").encode()
            if inside != self._folder and not inside.startswith(self._folder + b"/"):
                raise PermissionError(errno.EPERM, "not in its own folder")
            with _socket_of(pid, arguments[0] & 0x7FFFFFFF) as line:
                if name == "bind":  # where Landlock, too, lets nothing be made elsewhere
                    line.bind(os.path.join(inside, file))
                else:  # the file itself, and not what stands in its place a moment later
                    there = os.open(file, os.O_PATH | os.O_NOFOLLOW, dir_fd=held)
                    try:
                        line.connect(f"/proc/self/fd/{there}")
                    finally:
                        os.close(there)
        finally:
            os.close(held)


def _socket_of(thread: int, descriptor: int) -> socket.socket:
    process = _checked(libc.syscall(OPEN_PROCESS, _process_of(thread), 0))
    try:
        return socket.socket(fileno=_checked(libc.syscall(TAKE_DESCRIPTOR, process, descriptor, 0)))
    finally:
        os.close(process)


def _text(memory: int, address: int) -> bytes:
    """A string of a process, up to its zero; its last page may be the last there is."""
    text = b""
    while b"\0" not in text and len(text) < PAGE:
        read = os.pread(memory, PAGE - (address + len(text)) % PAGE, address + len(text))
        if not read:
            break
        text += read
    return text.split(b"\0")[0]


def _process_of(thread: int) -> int:
    with open(f"/proc/{thread}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Tgid:"))


def _ioctl(descriptor: int, request: int, buffer: "array.array[int]") -> int:
    return _checked(libc.ioctl(descriptor, ctypes.c_ulong(request), ctypes.c_void_p(buffer.buffer_info()[0])))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


# The end


_status: dict[int, int] = {}  # of processes that have ended


def _ended(worker: int) -> bool:
    """Whether the worker has; others that have ended are buried."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            _status[ended[0]] = ended[1]
    return worker in _status


def _end(worker: int, *, scoped: bool) -> NoReturn:
    """Leave nothing that it has started, and end as it did."""
    while not _all_gone():
        if scoped:  # all in one call, in which none of them starts another
            with contextlib.suppress(OSError):
                os.kill(-1, signal.SIGKILL)
        family = _descendants()
        for number in (signal.SIGSTOP, signal.SIGKILL):  # first nothing more starts: a process could outrun its end
            for pid in family:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
    status = os.waitstatus_to_exitcode(_status[worker]) if worker in _status else -signal.SIGKILL
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -status)
    os._exit(status)


def _all_gone() -> bool:
    """Whether there is no child any more; those who lost their parents are ours."""
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return False
            _status[pid] = status
    except ChildProcessError:
        return True


def _descendants() -> list[int]:
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
                parents.setdefault(int(file.read().rpartition(b")")[2].split()[1]), []).append(int(name))
    family, unseen = [], [os.getpid()]
    while unseen:
        children = parents.get(unseen.pop(), [])
        family += children
        unseen += children
    return family


if sys.platform != "linux":
    raise ImportError("seccomp is of Linux")
