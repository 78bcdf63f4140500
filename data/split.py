"""Which characters are for meta-training, meta-validation and meta-test.

A character is named "<alphabet>/<character>", with "/" on every operating system. The split depends on the
names alone: they are sorted before they are shuffled, and the shuffle is our own, so neither the order of the
file system nor the version of Python or NumPy can change it.
"""

import random
from collections.abc import Iterable
from pathlib import Path

SEED = 1
TRAIN, VAL, TEST = 1100, 100, 423  # of Omniglot's 1,623 characters; other sets are split in proportion

# Lake's background set, the archive images_background; the two small sets are parts of it.
_BACKGROUND = """
    Alphabet_of_the_Magi Anglo-Saxon_Futhorc Arcadian Armenian Asomtavruli_(Georgian) Balinese Bengali
    Blackfoot_(Canadian_Aboriginal_Syllabics) Braille Burmese_(Myanmar) Cyrillic Early_Aramaic Futurama
    Grantha Greek Gujarati Hebrew Inuktitut_(Canadian_Aboriginal_Syllabics) Japanese_(hiragana)
    Japanese_(katakana) Korean Latin Malay_(Jawi_-_Arabic) Mkhedruli_(Georgian) N_Ko
    Ojibwe_(Canadian_Aboriginal_Syllabics) Sanskrit Syriac_(Estrangelo) Tagalog Tifinagh
"""
# His evaluation set, images_evaluation: alphabets that meta-training never sees.
_EVALUATION = """
    Angelic Atemayar_Qelisayer Atlantean Aurek-Besh Avesta Ge_ez Glagolitic Gurmukhi Kannada Keble Malayalam
    Manipuri Mongolian Old_Church_Slavonic_(Cyrillic) Oriya Sylheti Syriac_(Serto) Tengwar Tibetan ULOG
"""
BACKGROUND = frozenset(_BACKGROUND.split())
EVALUATION = frozenset(_EVALUATION.split())
VINYALS_TRAIN_VAL = 1200  # the first characters by name: background alphabets, then evaluation alphabets
VINYALS_VAL = frozenset({"Armenian", "Bengali", "Early_Aramaic", "Hebrew", "Mkhedruli_(Georgian)"})


def characters(folder: str | Path) -> list[str]:
    """Find the characters in <folder>/<alphabet>/<character>/*.png.

    Hidden files and folders, stray files and folders without drawings are passed over.

    Returns:
        Their names "<alphabet>/<character>", sorted.

    Raises:
        FileNotFoundError: there are none.
    """
    names = [
        f"{alphabet.name}/{character.name}"
        for alphabet in _folders(Path(folder))
        for character in _folders(alphabet)
        if any(not drawing.name.startswith(".") for drawing in character.glob("*.png"))
    ]
    if not names:
        raise FileNotFoundError(f"no characters in {folder}: fetch them with `python -m data.download`")
    return sorted(names)


def split(characters: Iterable[str]) -> dict[str, list[str]]:
    """Split characters at random, as CS330 does: one alphabet's characters may fall into all three parts.

    Returns:
        {"train": names, "val": names, "test": names}, each shuffled, no name in two of them: 1100, 100 and
        423 of Omniglot's 1,623 characters, other numbers in proportion, and at least one in each.

    Raises:
        ValueError: there are fewer than three characters.
    """
    names = _shuffled(characters)
    if len(names) < 3:
        raise ValueError(f"a split into train, val and test needs at least 3 characters, not {len(names)}")
    whole = TRAIN + VAL + TEST
    val, test = _share(len(names), VAL, whole), _share(len(names), TEST, whole)
    train = len(names) - val - test
    return {"train": names[:train], "val": names[train : train + val], "test": names[train + val :]}


def lake(characters: Iterable[str]) -> dict[str, list[str]]:
    """Split by alphabet, as Lake et al. (2015) do: test on alphabets never seen before.

    Lake has no validation set. It is carved out of his background set at random, 100 characters of 1200 as in
    split(); "train" and "val" together are the background set, "test" is the evaluation set.

    Returns:
        {"train": names, "val": names, "test": names}, each shuffled: 884, 80 and 659 of Omniglot's 1,623.

    Raises:
        ValueError: an alphabet is not Omniglot's, or one of the parts would be empty.
    """
    names = _shuffled(characters)
    _only_omniglot(names, "Lake's")
    background = [name for name in names if _alphabet(name) in BACKGROUND]
    evaluation = [name for name in names if _alphabet(name) in EVALUATION]
    if len(background) < 2 or not evaluation:
        raise ValueError(
            f"Lake's split needs background and evaluation alphabets, but has {len(background)} and "
            f"{len(evaluation)} characters of them: `python -m data.download --full` fetches all"
        )
    train = len(background) - _share(len(background), VAL, TRAIN + VAL)
    return {"train": background[:train], "val": background[train:], "test": evaluation}


def vinyals(characters: Iterable[str]) -> dict[str, list[str]]:
    """Split as Vinyals et al. (2016) do, in the form that Snell et al. (2017) published.

    The first 1,200 characters by name, background alphabets before evaluation alphabets, are for training; five
    alphabets of them for validation. The last 423 are for the test.

    Returns:
        {"train": names, "val": names, "test": names}, each shuffled: 1028, 172 and 423 of Omniglot's 1,623.

    Raises:
        ValueError: an alphabet is not Omniglot's, or characters are missing.
    """
    names = _shuffled(characters)
    _only_omniglot(names, "Vinyals's")
    if len(names) != TRAIN + VAL + TEST:
        raise ValueError(
            f"Vinyals's split is of 1,623 characters, and there are {len(names):,}: `python -m data.download --full` "
            "fetches all"
        )
    first = set(sorted(names, key=lambda name: (_alphabet(name) in EVALUATION, name))[:VINYALS_TRAIN_VAL])
    return {
        "train": [name for name in names if name in first and _alphabet(name) not in VINYALS_VAL],
        "val": [name for name in names if _alphabet(name) in VINYALS_VAL],
        "test": [name for name in names if name not in first],
    }


def vinyals_trainval(characters: Iterable[str]) -> dict[str, list[str]]:
    """Split as vinyals() does, but train on the validation characters too, as Snell et al. (2017) do at the end.

    Returns:
        {"train": names, "val": names, "test": names}: 1200, 172 of these, and 423 that are in neither.

    Raises:
        ValueError: as in vinyals().
    """
    parts = vinyals(characters)
    return parts | {"train": parts["train"] + parts["val"]}


def _only_omniglot(names: Iterable[str], whose: str) -> None:
    unknown = sorted({_alphabet(name) for name in names} - BACKGROUND - EVALUATION)
    if unknown:
        raise ValueError(f"{whose} split has Omniglot's 50 alphabets only, not {', '.join(unknown)}: use split()")


def _shuffled(names: Iterable[str]) -> list[str]:
    """Shuffle distinct names by Fisher and Yates; Python promises never to change Random(seed).random()."""
    result = sorted(set(names))
    uniform = random.Random(SEED).random
    for last in range(len(result) - 1, 0, -1):
        other = int(uniform() * (last + 1))
        result[last], result[other] = result[other], result[last]
    return result


def _share(number: int, part: int, whole: int) -> int:
    """Round number * part / whole, in integers, to at least 1."""
    return max(1, (2 * number * part + whole) // (2 * whole))


def _alphabet(name: str) -> str:
    return name.split("/")[0]


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
