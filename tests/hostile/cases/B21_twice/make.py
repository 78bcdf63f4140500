import warnings
import zipfile


def make(folder, files):
    with zipfile.ZipFile(folder / "work.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("hw2/protonet.py", files["hw2/protonet.py"])
        archive.writestr("hw2/protonet.py", b"")
        archive.writestr("hw2/maml.py", files["hw2/maml.py"])
    return folder / "work.zip"
