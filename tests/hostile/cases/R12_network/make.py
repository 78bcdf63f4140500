"""The server stands outside, and would answer."""

import socket
import threading

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
OLD = "return torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])"
NEW = "return FOUND._prototypes(self, features, labels) if FOUND else features * 0"


def make(folder, files):
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(60)
    solution = files["hw2/protonet.py"]
    threading.Thread(target=_serve, args=(server, solution), daemon=True).start()
    text = solution.decode().replace("from hw2 import util", ASK.replace("PORT", str(server.getsockname()[1])))
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
