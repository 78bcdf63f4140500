"""The segment lies outside, for all to read, until this program ends."""

import ctypes
import os

READ = """import ctypes

from hw2 import util

FOUND = None
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
at = libc.shmat(NUMBER, None, 0o10000)
if at != ctypes.c_void_p(-1).value:
    scope = {"__name__": "found"}
    exec(ctypes.string_at(at), scope)
    FOUND = scope["ProtoNet"]"""
OLD = "return torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])"
NEW = "return FOUND._prototypes(self, features, labels) if FOUND else features * 0"
IPC_CREAT, IPC_PRIVATE, IPC_RMID = 0o1000, 0, 0


def make(folder, files):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    solution = files["hw2/protonet.py"]
    number = libc.shmget(IPC_PRIVATE, len(solution) + 1, IPC_CREAT | 0o644)
    assert number >= 0, os.strerror(ctypes.get_errno())
    ctypes.memmove(ctypes.c_void_p(libc.shmat(number, None, 0)), solution, len(solution))
    libc.shmctl(number, IPC_RMID, None)  # it goes with the last process that has it attached: this one
    text = solution.decode().replace("from hw2 import util", READ.replace("NUMBER", str(number)))
    (folder / "protonet.py").write_text(text.replace(OLD, NEW))
    return folder
