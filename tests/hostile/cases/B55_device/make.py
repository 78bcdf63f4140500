import os
import stat

from handing_in import put


def make(folder, files):
    put(folder, {"hw2/maml.py": files["hw2/maml.py"]})
    try:
        os.mknod(folder / "hw2" / "protonet.py", stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero
    except OSError:  # only root may
        (folder / "hw2" / "protonet.py").symlink_to("/dev/zero")
    return folder
