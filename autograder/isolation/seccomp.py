"""System calls that no homework needs, refused: less of the kernel to attack, and no memory that limits do not see.

The program is classic BPF, as seccomp(2) and bubblewrap take it. A list of what is refused rather than of what is
allowed, since torch, NumPy and the C library call many, and other ones every year.
"""

import errno
import functools
import platform
import struct

INSTRUCTION = struct.Struct("<HBBI")
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, ERROR = 0x7FFF0000, 0x00050000
X32 = 0x40000000  # on x86-64, the calls of another convention
LOCAL = 1
SOCKETS = (LOCAL, 2, 10, 16)  # and IPv4, IPv6, netlink: not vsock, which no network namespace holds back

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
}
MACHINES = {"x86_64": (0, 0xC000003E, 41), "aarch64": (1, 0xC00000B7, 198)}  # column, AUDIT_ARCH, number of socket


@functools.cache
def program(sockets: tuple[int, ...] = SOCKETS) -> bytes:
    """The filter for this machine, which allows these kinds of socket; empty where its numbers are not known."""
    if platform.machine() not in MACHINES:
        return b""
    column, architecture, socket = MACHINES[platform.machine()]
    refused = [numbers[column] for numbers in CALLS.values()]
    lines = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, ERROR | errno.ENOSYS),
        (LOAD, 0, 0, NUMBER),
    ]
    body: list[tuple[int, int | None, int, int]] = [(AT_LEAST, None, 0, X32)] if column == 0 else []
    body += [(EQUAL, None, 0, number) for number in refused]
    body += [(EQUAL, 0, len(sockets) + 1, socket), (LOAD, 0, 0, FIRST_ARGUMENT)]
    # Each kind of socket that is allowed jumps over the rest of its kind to ALLOW; the last one else to refusing.
    body += [(EQUAL, len(sockets) - 1 - at, 0, kind) for at, kind in enumerate(sockets[:-1])]
    body += [(EQUAL, 0, 1, sockets[-1]), (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, ERROR | errno.EPERM)]
    end = len(body) - 1
    filled = [(code, end - at - 1 if yes is None else yes, no, value) for at, (code, yes, no, value) in enumerate(body)]
    return b"".join(INSTRUCTION.pack(*line) for line in [*lines, *filled])
