import os
import socket

from handing_in import put


def make(folder, files):
    put(folder, {"hw2/maml.py": files["hw2/maml.py"], "hw2/secret.py": b""})
    (folder / "hw2" / "secret.py").chmod(0)
    (folder / "protonet.py").mkdir()
    here = os.open(folder / "hw2", os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"/proc/self/fd/{here}/protonet.py")  # a path that is short enough
    os.close(here)
    return folder
