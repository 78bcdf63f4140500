"""Problem 1: episodes of characters for a black-box meta-learner.

An N-way K-shot episode teaches N characters from K drawings each (the support) and asks about one more drawing of each
(the query). The meta-learner of problem 2 reads the episode as a sequence, so it is laid out row by row:

    rows 0 .. K-1   support: one drawing of every character, in class order
    row  K          query:   one new drawing of every character, shuffled
"""

import functools
import random
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from torch.utils.data import IterableDataset

from data import images, split


def get_images(paths, labels, nb_samples=None, shuffle=True):
    """Choose drawings from the folders of several characters.

    Args:
        paths: folders, one per character.
        labels: what to call each folder's character, in the same order.
        nb_samples: how many different drawings to take from each folder; all of them if None.
        shuffle: whether to shuffle the result, as is done unless you say False.

    Returns:
        A list of (label, path of a drawing): folder by folder if shuffle is False, else in random order.
    """
    chosen = []
    for label, folder in zip(labels, paths, strict=True):
        drawings = drawings_in(folder)
        if nb_samples is not None:
            images.check_enough({folder: drawings}, 1, nb_samples)
            drawings = random.sample(drawings, nb_samples)
        chosen += [(label, drawing) for drawing in drawings]
    if shuffle:
        random.shuffle(chosen)
    return chosen


@functools.cache
def drawings_in(folder):
    """List the paths of a character's drawings, sorted. A folder is looked into once."""
    return [str(drawing) for drawing in images.drawings(folder)]


class DataGenerator(IterableDataset):
    """An endless stream of episodes.

    Args:
        num_classes: N, the characters in an episode.
        num_samples_per_class: K, the support drawings of each.
        batch_type: "train", "val" or "test": which characters to draw from. No character is in two of them.
        config: "data_folder", with drawings in <alphabet>/<character>/*.png, and "img_size", (28, 28) by default.
        cache: keep decoded drawings in memory.

    Attributes:
        folders: the folders of the characters of this split, one per character.
        dim_input: pixels of a drawing, 784.
        dim_output: N.
    """

    def __init__(self, num_classes, num_samples_per_class, batch_type, config={}, cache=True):  # noqa: B006
        self.num_classes = num_classes
        self.num_samples_per_class = num_samples_per_class
        self.img_size = config.get("img_size", (28, 28))
        self.dim_input = self.img_size[0] * self.img_size[1]
        self.dim_output = num_classes
        self.image_caching = cache
        self.stored_images = {}

        data_folder = Path(config.get("data_folder", "data/omniglot_resized"))
        characters = split.split(split.characters(data_folder))
        self.metatrain_character_folders = [str(data_folder / name) for name in characters["train"]]
        self.metaval_character_folders = [str(data_folder / name) for name in characters["val"]]
        self.metatest_character_folders = [str(data_folder / name) for name in characters["test"]]
        if batch_type == "train":
            self.folders = self.metatrain_character_folders
        elif batch_type == "val":
            self.folders = self.metaval_character_folders
        elif batch_type == "test":
            self.folders = self.metatest_character_folders
        else:
            raise ValueError(f'batch_type is "train", "val" or "test", not {batch_type!r}')

    def image_file_to_array(self, filename, dim_input):
        """Read a drawing.

        Args:
            filename: path of a PNG, black ink on white.
            dim_input: its number of pixels, 784.

        Returns:
            float32 array (784,), ink 1 and paper 0. With the cache on, the same array each time: copy before you
            change it.
        """
        if self.image_caching and filename in self.stored_images:
            return self.stored_images[filename]
        with images.named(filename):
            ink = images.ink(iio.imread(filename, plugin="pillow"), filename, self.img_size)
        image = ink.astype(np.float32).reshape(dim_input)
        if self.image_caching:
            self.stored_images[filename] = image
        return image

    def _sample(self):
        """Draw one episode.

        Returns:
            (images, labels): arrays (K+1, N, 784), of floating-point numbers, and (K+1, N, N), of numbers of any type.
            labels[k, n] is the one-hot label of the drawing images[k, n]. Rows 0..K-1, the support, are in class order:
            labels[k] is the identity matrix. Row K, the query, is in a random order that is new in each episode.
        """
        # TODO: Draw one N-way K-shot episode and return (images, labels). In every episode, anew:
        #
        # - N different characters of self.folders, each as likely as any other, and which of them gets which
        #   of the labels 0..N-1 is random.
        # - K+1 different drawings of each character: no query drawing is also in the support.
        # - Support rows in class order; the query row in random order, each drawing with its own label.
        # - New arrays, which the caller may keep or write to.
        #
        # get_images and self.image_file_to_array do the reading. Draw a table of rows and columns before you
        # write, and try it with K > 1: of a single support row not every mistake of the layout can be seen.
        raise NotImplementedError("DataGenerator._sample is still to do")

    def __iter__(self):
        """Yield episodes without end."""
        while True:
            yield self._sample()
