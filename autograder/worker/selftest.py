"""What a worker must not be able to do, tried. Prints a JSON list of what succeeded.

python selftest.py <a folder of the host>
"""

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path


def _connects() -> bool:
    """Reach an address outside: with no interface up, connecting fails at once even for UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("192.0.2.1", 9))
    return True


def _writes(folder: str) -> bool:
    path = Path(folder) / "autograder-selftest"
    path.write_text("")
    path.unlink()
    return True


def _capable() -> bool:
    """Hold any capability that would let root back out."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return any(line.startswith(("CapEff", "CapPrm", "CapBnd")) and int(line.split()[1], 16) for line in lines)


def _new_namespace() -> bool:
    """Make a user namespace, where it would be root again."""
    if not hasattr(os, "unshare"):  # Python 3.12
        return False
    os.unshare(0x10000000)  # CLONE_NEWUSER
    return True


def main(folder: str) -> list[str]:
    """Names of the forbidden things that were possible."""
    attempts: dict[str, Callable[[], bool]] = {
        "it reaches the network": _connects,
        "it sees the grader's files": lambda: Path(folder).exists(),
        "it sees the home folder": lambda: any(Path(home).exists() for home in ("/root", "/home")),
        "it sees the host's processes": lambda: Path("/proc/1/comm").read_text() != "bwrap\n",
        "it writes to /": lambda: _writes("/"),
        "it writes to /usr": lambda: _writes("/usr"),
        "it writes to its own program": lambda: _writes("/box"),
        "it keeps capabilities": _capable,
        "it makes namespaces": _new_namespace,
        "it inherits the environment": lambda: "SANDBOX" not in os.environ or "SUDO_USER" in os.environ,
    }
    holes = []
    for hole, attempt in attempts.items():
        try:
            if attempt():
                holes.append(hole)
        except OSError:
            continue
    return holes


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
