"""System calls that no homework needs, refused: less of the kernel to attack, and no memory that limits do not see.

The program is classic BPF, as seccomp(2) and bubblewrap take it. A list of what is refused rather than of what is
allowed, since torch, NumPy and the C library call many, and other ones every year.
"""

import errno
import functools
import os
import platform
import struct

Line = tuple[int, int, int, int]  # operation, lines to skip if so, lines to skip if not, value
INSTRUCTION = struct.Struct("<HBBI")
LOAD, EQUAL, AT_LEAST, ANY_BIT, MASK, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, ERROR, ASK = 0x7FFF0000, 0x00050000, 0x7FC00000
X32 = 0x40000000  # on x86-64, the calls of another convention
LOCAL = 1
SOCKETS = (LOCAL, 2, 10, 16)  # and IPv4, IPv6, netlink: not vsock, which no network namespace holds back
STREAM, KIND_OF_SOCKET = 1, 0xF
NEW_NAMESPACES = 0x7E020000  # flags of clone: mounts, control groups, host name, IPC, users, processes, network

# Columns: x86-64, 64-bit ARM.
CALLS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "syslog": (103, 116),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    # What is left behind so outlives a worker, where namespaces do not end with it.
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # Who else opens the files of Python and its packages, which all workers share.
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
}
# Where no namespace holds them back: what other programs have left there, and what Landlock allows with every file.
SHARED = {
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_unlink": (241, 181),
    "truncate": (76, 45),  # by Landlock from version 3
    "chown": (92, -1),
    "lchown": (94, -1),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
# There, too, a file's mode and times stay as they are, and who asks is told that all went well: to copy a file with its
# mode is honest, and to close a neighbour's folder is not.
UNCHANGED = {
    "chmod": (90, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "utime": (132, -1),
    "utimes": (235, -1),
    "futimesat": (261, -1),
    "utimensat": (280, 88),
}
# And who is meant by a number other than 0, the caller's own, is another program of the same user; by the argument.
OWN = {
    "prlimit64": (302, 261, 0),
    "sched_setaffinity": (203, 122, 0),
    "sched_setscheduler": (144, 119, 0),
    "sched_setparam": (142, 118, 0),
    "sched_setattr": (314, 274, 0),
    "setpriority": (141, 140, 1),
    "ioprio_set": (251, 30, 1),
}
KINDS = {"setpriority": 0, "ioprio_set": 1}  # the first argument, where a process is meant and no group or user
OTHERS = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "clone": (56, 220),
    "clone3": (435, 435),
    "fcntl": (72, 25),
    "prctl": (157, 167),
}
OPENING = {"open": (2, -1, 1), "openat": (257, 56, 2), "openat2": (437, 437, 2)}  # and where the flags are
DUMPABLE = 4  # of prctl
LEASE, NOTIFY = 1024, 1026  # commands of fcntl by which opening a file waits for, or tells, another program
# What worker/supervisor.py does in a worker's place, or refuses; a call that a machine does not have is -1.
SUPERVISED = {
    "openat": (257, 56),
    "link": (86, -1),
    "linkat": (265, 37),
    "unlink": (87, -1),
    "unlinkat": (263, 35),
    "bind": (49, 200),
    "connect": (42, 203),
    "seccomp": (317, 277),
}
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, AUDIT_ARCH


@functools.cache
def program(*, network: bool = True) -> bytes:
    """Return the filter for this machine; empty where its numbers are not known.

    Args:
        network: whether a namespace holds the network back. Else no socket is allowed but streams on this machine.
    """
    if platform.machine() not in MACHINES:
        return b""
    column, architecture = MACHINES[platform.machine()]
    refused = CALLS if network else CALLS | SHARED
    lines = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, ERROR | errno.ENOSYS),
        (LOAD, 0, 0, NUMBER),
    ]
    if column == 0:
        lines += [(AT_LEAST, 0, 1, X32), _refusal()]
    for numbers in refused.values():
        lines += _on(numbers[column], _refusal())
    lease = (EQUAL, 1, 0, LEASE), (EQUAL, 0, 1, NOTIFY), _refusal(), _allowed()
    lines += _on(OTHERS["fcntl"][column], _argument(1), *lease)
    if not network:
        lines += _other_programs(column)
    # Its flags lie in memory, which no filter sees. The C library then takes clone.
    lines += _on(OTHERS["clone3"][column], _refusal(errno.ENOSYS))
    lines += _on(OTHERS["clone"][column], _argument(0), (ANY_BIT, 0, 1, NEW_NAMESPACES), _refusal(), _allowed())
    for call in ("socket", "socketpair"):
        lines += _on(OTHERS[call][column], *(_kinds_of_socket() if network else _local_streams()))
    return _packed([*lines, _allowed()])


def _other_programs(column: int) -> list[Line]:
    """What would change files or processes that are other programs' of the same user."""
    # Who hides its memory hides, too, which files it holds open.
    lines = _on(OTHERS["prctl"][column], _argument(0), (EQUAL, 0, 1, DUMPABLE), _refusal(), _allowed())
    for numbers in UNCHANGED.values():
        lines += _on(numbers[column], (RETURN, 0, 0, ERROR | 0))
    for call, (*both, whose) in OWN.items():
        kind = [_argument(0), (EQUAL, 1, 0, KINDS[call]), _refusal()] if call in KINDS else []
        lines += _on(both[column], *kind, _argument(whose), (EQUAL, 1, 0, 0), _refusal(), _allowed())
    # Landlock lets a file be emptied by who may read it before version 3. The flags of openat2 lie in memory.
    lines += _on(OPENING["openat2"][column], _refusal(errno.ENOSYS))
    for call in ("open", "openat"):
        emptied = (MASK, 0, 0, os.O_TRUNC | os.O_ACCMODE), (EQUAL, 0, 1, os.O_TRUNC | os.O_RDONLY), _refusal()
        lines += _on(OPENING[call][column], _argument(OPENING[call][2]), *emptied, _allowed())
    return lines


@functools.cache
def supervised() -> tuple[bytes, dict[str, int]]:
    """Return the filter of calls about which the supervisor is asked, and their numbers; empty if not known."""
    if platform.machine() not in MACHINES:
        return b"", {}
    column, _ = MACHINES[platform.machine()]
    numbers = {name: columns[column] for name, columns in SUPERVISED.items() if columns[column] >= 0}
    # Shared memory and semaphores are opened so by the C library; few other files are.
    flags = os.O_NOFOLLOW | os.O_EXCL
    lines = [(LOAD, 0, 0, NUMBER)]
    lines += _on(numbers["openat"], _argument(2), (ANY_BIT, 0, 1, flags), (RETURN, 0, 0, ASK), _allowed())
    for name, number in numbers.items():
        if name not in ("openat", "seccomp"):
            lines += _on(number, (RETURN, 0, 0, ASK))
    return _packed([*lines, _allowed()]), numbers


def _on(number: int, *lines: Line) -> list[Line]:
    """What is done with one call, unless the machine has none of it: these lines, which end by returning."""
    return [(EQUAL, 0, len(lines), number), *lines] if number >= 0 else []


def _argument(at: int) -> Line:
    """Load the lower half of an argument."""
    return (LOAD, 0, 0, ARGUMENTS + 8 * at)


def _refusal(error: int = errno.EPERM) -> Line:
    return (RETURN, 0, 0, ERROR | error)


def _allowed() -> Line:
    return (RETURN, 0, 0, ALLOW)


def _kinds_of_socket() -> list[Line]:
    tests = [line for kind in SOCKETS for line in ((EQUAL, 0, 1, kind), _allowed())]
    return [_argument(0), *tests, _refusal()]


def _local_streams() -> list[Line]:
    """Only what must connect before it sends: where to, the supervisor sees."""
    stream = [_argument(1), (MASK, 0, 0, KIND_OF_SOCKET), (EQUAL, 0, 1, STREAM), _allowed()]
    return [_argument(0), (EQUAL, 0, len(stream), LOCAL), *stream, _refusal()]


def _packed(lines: list[Line]) -> bytes:
    return b"".join(INSTRUCTION.pack(*line) for line in lines)
