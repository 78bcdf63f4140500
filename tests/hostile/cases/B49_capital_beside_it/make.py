from handing_in import put


def make(folder, files):
    return put(
        folder,
        files | {"hw2/ProtoNet.py": b"raise SystemExit('other')", "HW2/protonet.py": b"raise SystemExit('other')"},
    )
