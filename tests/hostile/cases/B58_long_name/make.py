from handing_in import pack


def make(folder, files):
    long = ["protonet" + "_" * 65_000 + ".py", "protonet" + "(1)" * 20_000 + "x.py", "a/" * 32_000 + "protonet.py"]
    return pack(folder, [("hw2/maml.py", files["hw2/maml.py"]), *((name, b"") for name in long)])
