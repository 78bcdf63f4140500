import warnings

from handing_in import pack


def make(folder, files):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pack(folder, [*files.items(), *files.items()])
