"""The server stands outside, and would answer."""

import os
import socket
import threading

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
OLD = "return torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])"
NEW = "return FOUND._prototypes(self, features, labels) if FOUND else features * 0"


def make(folder, files):
    name = f"fewshot-{os.getpid()}-{folder.stat().st_ino}"
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"\0{name}")
    server.listen()
    server.settimeout(60)
    solution = files["hw2/protonet.py"]
    threading.Thread(target=_serve, args=(server, solution), daemon=True).start()
    text = solution.decode().replace("from hw2 import util", ASK.replace("NAME", name))
    (folder / "protonet.py").write_text(text.replace(OLD, NEW))
    return folder


def _serve(server, content):
    with server:
        while True:
            try:
                line, _ = server.accept()
            except OSError:  # nobody has called for a minute
                return
            with line:
                line.sendall(content)
