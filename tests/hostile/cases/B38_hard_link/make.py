from handing_in import put


def make(folder, files):
    other = put(folder.parent / "another's", files)
    put(folder, {"hw2/maml.py": files["hw2/maml.py"]})
    (folder / "hw2" / "protonet.py").hardlink_to(other / "hw2" / "protonet.py")
    return folder
