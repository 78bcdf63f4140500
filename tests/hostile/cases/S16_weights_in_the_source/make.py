"""Numbers in place of trained weights, which would look the same."""

import base64
import random


def make(folder, files):
    packed = base64.b85encode(random.Random(0).randbytes(200_000)).decode()
    text = files["hw2/protonet.py"].decode()
    weights = f"import base64\n\nfrom hw2 import util\n\nWEIGHTS = base64.b85decode('{packed}')"
    (folder / "protonet.py").write_text(text.replace("from hw2 import util", weights))
    return folder
