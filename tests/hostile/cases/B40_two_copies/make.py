from handing_in import put


def make(folder, files):
    return put(folder, files | {"protonet.py": b"raise SystemExit('old')"})
