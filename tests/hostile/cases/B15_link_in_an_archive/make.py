import stat
import zipfile


def make(folder, files):
    with zipfile.ZipFile(folder / "work.zip", "w") as archive:
        link = zipfile.ZipInfo("hw2/protonet.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("hw2/maml.py", files["hw2/maml.py"])
    return folder / "work.zip"
