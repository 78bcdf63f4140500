"""Batches of episodes for training: yours, of your data generator, drawn here or ahead by other processes."""

import math
import signal

import click
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from trainer import reseed

AT_ONCE = 512  # episodes that a worker hands over, or a batch: it takes half a millisecond, however many they are


class Episodes(Dataset):
    """Numbered episodes of a data generator.

    Episode i is drawn with random numbers of its own. So it is the same one however many processes draw
    episodes, and no two processes draw the same.

    Args:
        generator: draws an episode by its _sample().
        seed: of the random numbers.
        rotations: turn the characters of each episode.
    """

    def __init__(self, generator, seed: int, rotations: bool = False):
        self.generator, self.seed, self.rotations = generator, seed, rotations

    def __getitem__(self, i):
        """Draw episode i: (images, labels), as the generator returns them."""
        reseed(self.seed, i, accelerators=False)
        episode = self.generator._sample()
        return turned(*episode) if self.rotations else episode

    def batches(self, size, numbers, num_workers=0):
        """Draw the episodes of these numbers in batches of a size: an iterator of [images, labels].

        With workers a batch is good until the next one is asked for.
        """
        at_once = size * max(1, AT_ONCE // size)
        shelf = Shelf.room(self[0], at_once, num_workers) if num_workers else None
        if shelf is None:
            return iter(DataLoader(self, size, sampler=numbers))
        loader = DataLoader(
            self,
            at_once,
            sampler=numbers,
            num_workers=num_workers,
            prefetch_factor=1,
            collate_fn=shelf.put,
            worker_init_fn=ignore_interrupts,
        )
        return (batch for put in loader for batch in zip(*(part.split(size) for part in shelf.take(*put)), strict=True))


class Shelf:
    """Memory that workers and the main process share.

    Workers write there, and only the place goes through a pipe: to take episodes themselves out of a pipe costs the
    main process half as much time as drawing them.
    """

    PLACES = 2  # of each worker: one that is read while the other is written to

    @classmethod
    def room(cls, *arguments):
        """A shelf, or None and a note where the machine shares less memory, as containers do."""
        try:
            return cls(*arguments)
        except RuntimeError as error:
            click.echo(f"Note: this process draws the episodes itself, which takes longer: {error}", err=True)
            return None

    def __init__(self, episode, length, num_workers):
        """Make room for episodes like this one, so many at each place.

        Raises:
            RuntimeError: there is less shared memory.
        """
        self.written = 0
        self.parts = [
            torch.empty(num_workers * self.PLACES, length, *part.shape, dtype=part.dtype).share_memory_()
            for part in map(torch.as_tensor, episode)
        ]

    def put(self, episodes):
        """In a worker: write episodes to the place that was left longest, and return its number and how many."""
        place = get_worker_info().id * self.PLACES + self.written % self.PLACES
        self.written += 1
        for part, arrays in zip(self.parts, zip(*episodes, strict=True), strict=True):
            np.stack(arrays, out=part[place, : len(episodes)].numpy())
        return place, len(episodes)

    def take(self, place, count):
        """What was put there: images and labels."""
        return [part[place, :count] for part in self.parts]


def turned(images, labels):
    """Turn each character of an episode by a random number of quarter turns, all its drawings alike.

    So a character makes four classes, as in Santoro et al. (2016).

    Args:
        images: (K+1, N, 784), of square drawings.
        labels: (K+1, N, N), one-hot.

    Returns:
        (images, labels): new images of the same shape, and the labels as they were.
    """
    result = np.array(images)
    side = math.isqrt(result.shape[-1])
    drawings = result.reshape(-1, side, side)
    quarters = np.random.randint(4, size=len(labels[0]))[np.argmax(labels, axis=-1).flatten()]
    for quarter in range(4):
        drawings[quarters == quarter] = np.rot90(drawings[quarters == quarter], quarter, axes=(1, 2))
    return result, labels


def ignore_interrupts(_):
    """Keep a worker alive on Ctrl-C, which reaches all processes of a terminal: the main one will end it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
