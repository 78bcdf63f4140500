"""What make.py and twin.py of the cases share: files in folders and archives, as they are handed in."""

import threading
import zipfile

PROTOTYPES = "return torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])"


def put(folder, files):
    """Write files by name into a folder; returns the folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def pack(folder, members, name="work.zip"):
    """Pack (name or ZipInfo, content) pairs; returns the archive's path."""
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content, None if isinstance(member, str) else member.compress_type)
    return folder / name


def changed(files, name, *edits):
    """The files, passages of one of them replaced."""
    text = files[name].decode()
    for old, new in edits:
        assert text.count(old) == 1, f"{text.count(old)} times in {name}: {old}"
        text = text.replace(old, new)
    return files | {name: text.encode()}


def fetching(folder, files, server, ask):
    """Serve the reference to all who call, and hand in a solution that takes its prototypes from there.

    Args:
        folder: to write it into.
        files: the reference's.
        server: a listening socket.
        ask: the lines that fetch FOUND, a class or None, in the place of the import of util.
    """
    server.settimeout(60)
    solution = files["hw2/protonet.py"]
    threading.Thread(target=_serve, args=(server, solution), daemon=True).start()
    text = solution.decode().replace("from hw2 import util", ask)
    fetched = "return FOUND._prototypes(self, features, labels) if FOUND else features * 0"
    (folder / "protonet.py").write_text(text.replace(PROTOTYPES, fetched))
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
