"""What make.py and twin.py of the cases share: files in folders and archives, as they are handed in."""

import zipfile


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
