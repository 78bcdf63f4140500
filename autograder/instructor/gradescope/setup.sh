#!/usr/bin/env bash
# Gradescope runs this once, as root, when the container is built.
set -euo pipefail

apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv bubblewrap

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "Python 3.10 or newer is needed: choose a base image of Ubuntu 22.04 or newer." >&2
    exit 1
fi

# Not below /autograder, which is closed to the user that runs submissions. PyTorch's own index has wheels without CUDA:
# the others take gigabytes, and more memory than the default container has.
python3 -m venv /opt/homework
torch=$(grep '^torch' /autograder/source/requirements.txt)
/opt/homework/bin/python -m pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu "$torch"
/opt/homework/bin/python -m pip install --no-cache-dir -r /autograder/source/requirements.txt
