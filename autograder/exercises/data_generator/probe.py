"""How to drive a DataGenerator: write drawings into a folder, draw episodes, return them as they come."""

import functools
import multiprocessing
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, NamedTuple

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader

from autograder.exercises.data_generator.naming import names
from autograder.worker.values import several

Array = np.ndarray


class Episodes(NamedTuple):
    """Some episodes: images (episodes, K+1, N, 784) and labels (episodes, K+1, N, N) if all is well."""

    images: Annotated[Array, "episodes, shot + 1, way, 784"]
    labels: Annotated[Array, "episodes, shot + 1, way, way"]


class Kept(NamedTuple):
    """Some episodes when they were drawn, and after the others were."""

    images: Annotated[Array, "episodes, shot + 1, way, 784"]
    labels: Annotated[Array, "episodes, shot + 1, way, way"]
    images_later: Annotated[Array, "episodes, shot + 1, way, 784"]
    labels_later: Annotated[Array, "episodes, shot + 1, way, way"]


class ImageType(NamedTuple):
    """The number by which NumPy knows the type of an episode's images: a worker sends fewer types than there are."""

    number: Annotated[Array, ""]


class Config(NamedTuple):
    """What is left of the caller's config: how many entries, and its image size."""

    entries: Annotated[Array, ""]
    img_size: Annotated[Array, "2"]


def sample(
    module: ModuleType,
    drawings: Array,
    way: int,
    shot: int,
    split: str,
    episodes: int,
    cache: bool = True,
    scribble: bool = False,
) -> Episodes:
    """Draw episodes by _sample.

    Args:
        module: the solution.
        drawings: uint8 (characters, drawings, 28, 28), ink 1: what the data folder holds.
        way: N.
        shot: K.
        split: "train", "val" or "test".
        episodes: how many.
        cache: as the constructor's.
        scribble: overwrite each episode's arrays once they are copied, as a caller may.
    """
    config = {"data_folder": _folder(drawings), "img_size": (28, 28)}
    generator = module.DataGenerator(way, shot, split, config, cache)
    drawn = []
    for _ in range(episodes):
        images, labels = several(generator._sample(), 2, "_sample")
        drawn.append((_copy(images), _copy(labels)))
        if scribble:
            _scribble(images)
            _scribble(labels)
    images, labels = zip(*drawn, strict=True)
    return Episodes(list(images), list(labels))


def _copy(array: Any) -> Array:
    """A copy of what is an array or becomes one; np.array warns where torch's tensors are told to copy."""
    return np.asarray(array).copy()


def keep(module: ModuleType, drawings: Array, way: int, shot: int, episodes: int) -> Kept:
    """Draw episodes and keep them all, as a DataLoader does until a batch is full."""
    generator = module.DataGenerator(way, shot, "train", {"data_folder": _folder(drawings)})
    drawn, copied = [], []
    for _ in range(episodes):
        drawn.append(several(generator._sample(), 2, "_sample"))
        copied.append([_copy(array) for array in drawn[-1]])
    return Kept(*map(list, (*zip(*copied, strict=True), *zip(*drawn, strict=True))))


def load(module: ModuleType, drawings: Array, way: int, shot: int, workers: int, episodes: int) -> Episodes:
    """Draw episodes through a DataLoader, whose workers take turns."""
    generator = module.DataGenerator(way, shot, "train", {"data_folder": _folder(drawings)})
    # By fork wherever there is one: else the generator would have to be pickled, which nobody asks of it.
    context = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
    loader = iter(DataLoader(generator, batch_size=1, num_workers=workers, multiprocessing_context=context))
    drawn = [next(loader) for _ in range(episodes)]
    del loader
    images, labels = zip(*drawn, strict=True)
    return Episodes([image[0] for image in images], [label[0] for label in labels])


def image_type(module: ModuleType, drawings: Array) -> ImageType:
    """Draw an episode, and look at the type of its images."""
    generator = module.DataGenerator(2, 1, "train", {"data_folder": _folder(drawings)})
    images, _ = several(generator._sample(), 2, "_sample")
    return ImageType(_copy(images).dtype.num)


def config(module: ModuleType, drawings: Array) -> Config:
    """Construct a generator, draw an episode and return the config it was given."""
    given = {"data_folder": _folder(drawings), "img_size": (28, 28)}
    module.DataGenerator(2, 1, "train", given)._sample()
    return Config(len(given), given.get("img_size", ()))


def _scribble(values: Any) -> None:
    """Overwrite an array, or those in a list, with what no image or label holds."""
    if isinstance(values, list | tuple):
        for part in values:
            _scribble(part)
    elif hasattr(values, "__setitem__"):
        values[...] = 7


def _folder(drawings: Array) -> str:
    """A folder that holds drawings. It is written once for all who ask for the same."""
    return _written(drawings.tobytes(), drawings.shape).name


@functools.lru_cache(maxsize=24)  # as many as an exercise's checks ask for
def _written(drawings: bytes, shape: tuple[int, ...]) -> tempfile.TemporaryDirectory[str]:
    """PNGs as Omniglot has them: one bit a pixel, black ink on white."""
    folder = tempfile.TemporaryDirectory()
    known = np.frombuffer(drawings, dtype=np.uint8).reshape(shape)
    for name, character in zip(names(len(known)), known, strict=True):
        (Path(folder.name) / name).mkdir(parents=True)
        for number, drawing in enumerate(character):
            Image.fromarray(drawing == 0).save(Path(folder.name) / name / f"{number:02d}.png")
    return folder
