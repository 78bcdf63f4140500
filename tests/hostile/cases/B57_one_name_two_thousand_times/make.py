import warnings

from handing_in import pack


def make(folder, files):
    members = [("hw2/protonet.py", f"# {number}\n".encode() + b"#\n" * 2**18) for number in range(2000)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pack(folder, [("hw2/maml.py", files["hw2/maml.py"]), *members])
