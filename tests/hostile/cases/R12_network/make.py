"""The server stands outside, and would answer."""

import socket

from handing_in import fetching

ASK = """import socket

from hw2 import util

FOUND = None
try:
    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as line:
        scope = {"__name__": "fetched"}
        exec(b"".join(iter(lambda: line.recv(65536), b"")), scope)
        FOUND = scope["ProtoNet"]
except OSError:
    pass"""


def make(folder, files):
    server = socket.create_server(("127.0.0.1", 0))
    return fetching(folder, files, server, ASK.replace("PORT", str(server.getsockname()[1])))
