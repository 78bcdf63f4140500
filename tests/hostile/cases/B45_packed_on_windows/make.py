from handing_in import pack


def make(folder, files):
    odd = folder / ("-x --json=y; $(z) \n'\"" + "\N{OWL}" * 40)
    odd.mkdir()
    members = [("my work\\" + name.replace("/", "\\"), content) for name, content in files.items()]
    noise = [(".DS_Store", b"x"), ("__MACOSX/my work/hw2/._protonet.py", b"x"), ("my work/hw2/._protonet.py", b"x")]
    pack(odd, [*members, *noise])
    return odd
