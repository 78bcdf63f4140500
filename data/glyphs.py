"""Drawn handwriting: characters that nobody has seen, without a download.

A character is a few strokes (bars, arcs, loops, hooks, waves, corners, zigzags) that touch, stand side by side or
repeat each other. Each drawing of it is by another hand: strokes, their control points, slant, proportions, place and
pen differ a little, so that few-shot learning is about as hard as on Omniglot; benchmarks/glyphs.py measures it.

A seed gives the same drawings on every machine: each character has a stream of random numbers of its own, taken from
the raw output of PCG64, which NumPy promises never to change.
"""

import math
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import numpy.typing as npt

from data import output, tree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


class Shape(NamedTuple):
    """A kind of stroke: a walk in steps, with a turn between one step and the next."""

    share: float  # of all strokes
    turns: tuple[int, ...]  # in units of the angle
    angle: tuple[int, int]  # degrees, from and to
    length: tuple[float, float]  # from and to; only proportions count, as each character is scaled to its size
    smooth: bool  # or with corners


SHAPES = (
    Shape(0.30, (0, 0, 0, 0), (0, 0), (0.4, 1.1), True),  # bar
    Shape(0.18, (1, 1, 1, 1), (15, 50), (0.6, 1.5), True),  # arc
    Shape(0.12, (1, 1, 1, 1), (65, 85), (0.8, 2.0), True),  # loop
    Shape(0.12, (0, 0, 1, 1), (50, 90), (0.7, 1.6), True),  # hook
    Shape(0.10, (1, 1, -1, -1), (40, 80), (0.9, 1.8), True),  # wave
    Shape(0.10, (0, 1, 0, 0), (70, 135), (0.8, 1.6), False),  # corner
    Shape(0.06, (1, 0, -1, 0), (80, 140), (1.0, 2.0), False),  # zigzag
    Shape(0.02, (0, 0, 0, 0), (0, 0), (0.02, 0.06), True),  # dot
)
SHARES, TURNS, ANGLES, LENGTHS, SMOOTH = (np.array(column, dtype=float) for column in zip(*SHAPES, strict=True))
HEADINGS = np.deg2rad([0, 0, 0, 90, 90, 90, 45, 135])  # of strokes on the whole: most lie or stand
COUNTS = np.array([0.10, 0.22, 0.30, 0.24, 0.14])  # shares of the characters with 1, 2, ... strokes
STROKES, STEPS = len(COUNTS), TURNS.shape[1] + 1
POINTS = STEPS + 1  # control points: the ends of the steps
SIGNS = np.array([-1.0, 1.0])

JOINTS = np.array([0.0, 0, 2, 3, STEPS, STEPS])  # the control points where strokes touch: mostly ends
TOUCH, ECHO = 0.68, 0.15  # shares of strokes that touch an earlier one, and that repeat the last one beside it
SKETCHES = 6  # the clearest of so many becomes the character
SIZE, GROWTH, ASPECT = (9.0, 16.0), 1.1, 0.15  # longer side and more for each stroke, pixels of 28; spread of log sides

# Standard deviations of a hand, for a character of size 1 ...
STROKE, STRETCH, TILT, POINT = 0.035, 0.10, 0.14, 0.028  # stroke moved, scaled, turned; points, by its length
TURN, SLANT, SCALE = 0.12, 0.15, 0.13  # the whole turned (radians), slanted, its sides scaled
SHIFT, CENTRE = 1.45, np.array([-0.3, -0.6])  # ... and in pixels of 28: moved, about the place where Omniglot's are
PEN = (0.56, 0.80)  # radius of the pen in pixels of 28, from and to

SAMPLES = 20  # dots of the pen on a step
BLOCK = 100  # characters drawn at a time, for the sake of memory
ALPHABET = 25  # characters in an alphabet, on disk
MAKER = "data.glyphs"


class Dice:
    """Random numbers, dealt in order.

    Args:
        numbers: (..., n) in [0, 1). Each throw (..., *shape) takes the next ones of the last axis.
    """

    def __init__(self, numbers: Floats):
        self._numbers = numbers
        self._used = 0

    def uniform(self, *shape: int) -> Floats:
        """Draw evenly from [0, 1)."""
        first, self._used = self._used, self._used + math.prod(shape)
        throw: Floats = self._numbers[..., first : self._used].reshape(*self._numbers.shape[:-1], *shape)
        return throw

    def between(self, limits: npt.ArrayLike, *shape: int) -> Floats:
        """Draw evenly between limits (..., 2)."""
        low, high = np.moveaxis(np.asarray(limits, dtype=float), -1, 0)
        throw: Floats = low + (high - low) * self.uniform(*shape)
        return throw

    def bell(self, *shape: int) -> Floats:
        """Draw nearly normal numbers: mean 0, standard deviation 1, never beyond 3."""
        throw: Floats = 2 * self.uniform(*shape, 3).sum(axis=-1) - 3
        return throw

    def one_of(self, values: Floats, *shape: int) -> Floats:
        """Draw any of the values (n,), evenly."""
        return values[(len(values) * self.uniform(*shape)).astype(np.intp)]

    def index(self, shares: Floats, *shape: int) -> Ints:
        """Draw 0, 1, ... by their shares, which sum to 1."""
        return np.searchsorted(np.cumsum(shares)[:-1], self.uniform(*shape), side="right")


OWN_THROWS, SKETCH_THROWS, HAND_THROWS = 8, 190, 274  # numbers that a character, a sketch and a hand use


def draw(characters: int, drawings: int = 20, seed: int = 0, size: int = 28) -> npt.NDArray[np.uint8]:
    """Draw characters.

    A character depends on the seed and on its index alone, and a drawing also on its own index: asking for more of
    either only adds to them.

    Args:
        characters: how many.
        drawings: of each character.
        seed: 0 or more.
        size: of a drawing, pixels both ways.

    Returns:
        uint8 array (characters, drawings, size, size), ink 1 and paper 0.
    """
    image = np.zeros((characters, drawings, size, size), np.uint8)
    for first in range(0, characters, BLOCK):
        block = range(first, min(first + BLOCK, characters))
        image[block.start : block.stop] = _draw(block, drawings, seed, size)
    return image


def write(folder: str | Path, characters: int, drawings: int = 20, seed: int = 0) -> None:
    """Draw characters into <folder>/Glyphs_01/character01/0001_01.png and so on, laid out like Omniglot.

    The folder is there as a whole or not at all. Drawings of other glyphs in it are replaced; if it holds these
    already, nothing happens.

    Raises:
        click.ClickException: the folder holds something else.
        OSError: it cannot be written.
    """
    folder = Path(folder).resolve()
    made_from = {"characters": characters, "drawings": drawings, "seed": seed}
    with tree.workshop(folder, MAKER) as shop:
        if tree.origin(folder) == made_from:
            return
        with tree.build(folder, shop, MAKER, made_from) as new:
            for index, character in enumerate(draw(characters, drawings, seed)):
                alphabet, place = divmod(index, ALPHABET)
                home = new / f"Glyphs_{alphabet + 1:02}" / f"character{place + 1:02}"
                for number, ink in enumerate(character, start=1):
                    tree.save(home / f"{index + 1:04}_{number:02}.png", ink)


def _draw(block: range, drawings: int, seed: int, size: int) -> npt.NDArray[np.uint8]:
    lengths = (OWN_THROWS, SKETCHES * SKETCH_THROWS, drawings * HAND_THROWS)
    raw = np.stack([np.random.PCG64([seed, index]).random_raw(sum(lengths)) for index in block])
    own, sketches, hands = np.split((raw >> 11) * 2.0**-53, np.cumsum(lengths)[:-1], axis=1)
    dice = Dice(own)
    count = 1 + dice.index(COUNTS)
    drawn = np.arange(STROKES) < count[:, None]
    sides = (dice.between(SIZE) + GROWTH * count)[:, None] * np.exp(ASPECT * dice.bell(2))
    # Of several sketches a character, go on with the clearest.
    all_drawn = np.repeat(drawn, SKETCHES, axis=0)
    paths, smooth = _sketch(Dice(sketches.reshape(-1, SKETCH_THROWS)), all_drawn)
    clarity = _clarity(paths, smooth, all_drawn).reshape(-1, SKETCHES)
    clearest = SKETCHES * np.arange(len(block)) + clarity.argmax(axis=1)
    dice = Dice(hands.reshape(len(block), drawings, HAND_THROWS))
    written = _write(dice, paths[clearest, None], sides[:, None])
    return _ink(written, smooth[clearest, None], drawn[:, None], dice.between(PEN), size)


def _sketch(dice: Dice, drawn: Bools) -> tuple[Floats, Floats]:
    """Invent characters, where drawn (n, strokes) says which strokes they have.

    Returns:
        Paths (n, strokes, points, 2): control points, x to the right and y down, about 0, the longer side 1.
        Smooth (n, strokes): 1 for a smooth curve, 0 for one with corners.
    """
    shape = dice.index(SHARES, STROKES)
    paths, smooth = _strokes(dice, shape), SMOOTH[shape]
    # Arrange the strokes one by one.
    way, mate, distance = dice.uniform(STROKES), dice.uniform(STROKES), dice.between((0.15, 0.45), STROKES)
    joint, its_joint = (dice.one_of(JOINTS, STROKES).astype(np.intp) for _ in range(2))
    sign, slide = dice.one_of(SIGNS, STROKES), 0.2 * dice.bell(STROKES, 2)
    rows = np.arange(len(paths))
    for new in range(1, STROKES):
        stroke, earlier = paths[:, new], paths[:, :new]
        old = (new * mate[:, new]).astype(np.intp)
        touching = earlier[rows, old, its_joint[:, new]] - stroke[rows, joint[:, new]]
        low, high = earlier.min(axis=(1, 2)), earlier.max(axis=(1, 2))
        # Beside means along the shorter side of what is there.
        across = high - low == (high - low).min(axis=1, keepdims=True)
        gap = (sign * distance)[:, new, None]
        next_to = np.where(gap > 0, high - stroke.min(axis=1), low - stroke.max(axis=1)) + gap
        centred = (low + high - stroke.min(axis=1) - stroke.max(axis=1)) / 2 + slide[:, new]
        beside = np.where(across, next_to, centred)
        stroke += np.where(way[:, new, None] < TOUCH, touching, beside)[:, None]
        echo = way[:, new] >= 1 - ECHO
        stroke[echo] = (paths[:, new - 1] + (across * gap)[:, None])[echo]
        smooth[echo, new] = smooth[echo, new - 1]
    low, high = _box(paths, drawn)
    longer = np.maximum((high - low).max(axis=1), 0.25)  # a lone dot stays small
    return (paths - ((low + high) / 2)[:, None, None]) / longer[:, None, None, None], smooth


def _strokes(dice: Dice, shape: Ints) -> Floats:
    """Walk strokes of these shapes (n, strokes), not yet arranged: paths (n, strokes, points, 2)."""
    turns = TURNS[shape] * np.deg2rad(dice.between(ANGLES[shape], STROKES))[..., None]
    turns = np.where(dice.uniform(STROKES, 1) < 0.5, turns, turns[..., ::-1])
    turns = turns * dice.one_of(SIGNS, STROKES, 1) + 0.1 * dice.bell(STROKES, STEPS - 1)
    direction = np.cumsum(np.concatenate([np.zeros_like(turns[..., :1]), turns], axis=-1), axis=-1)
    heading = dice.one_of(HEADINGS, STROKES) + 0.1 * dice.bell(STROKES)
    direction += (heading - direction.mean(axis=-1))[..., None]
    length = dice.between((0.7, 1.3), STROKES, STEPS)
    length *= (dice.between(LENGTHS[shape], STROKES) / length.sum(axis=-1))[..., None]
    steps = length[..., None] * np.stack([np.cos(direction), np.sin(direction)], axis=-1)
    return np.concatenate([np.zeros_like(steps[..., :1, :]), np.cumsum(steps, axis=-2)], axis=-2)


def _clarity(paths: Floats, smooth: Floats, drawn: Bools) -> Floats:
    """How legible sketches are: little ink over ink, and rather square than thin."""
    ink = _ink(paths * 12, smooth, drawn, np.zeros(len(paths)), 28).sum(axis=(1, 2))
    steps = np.diff(paths, axis=2)
    length = 12 * (np.sqrt((steps * steps).sum(axis=-1)).sum(axis=-1) * drawn).sum(axis=-1)
    low, high = _box(paths, drawn)
    clarity: Floats = ink / (length + 3) + 0.15 * (high - low).min(axis=1) / (high - low).max(axis=1)
    return clarity


def _write(dice: Dice, paths: Floats, sides: Floats) -> Floats:
    """Let hands write characters: paths of size 1 -> paths in pixels of 28."""
    reach = (paths.max(axis=-2, keepdims=True) - paths.min(axis=-2, keepdims=True)).max(axis=-1, keepdims=True)
    paths = paths + POINT * reach * dice.bell(STROKES, POINTS, 2)
    middle = paths.mean(axis=-2, keepdims=True)
    paths = _turned((paths - middle) * (1 + STRETCH * dice.bell(STROKES, 1, 2)), TILT * dice.bell(STROKES, 1))
    paths += middle + STROKE * dice.bell(STROKES, 1, 2)
    paths = _turned(paths, TURN * dice.bell(1, 1))
    paths[..., 0] -= SLANT * dice.bell(1, 1) * paths[..., 1]
    paths *= (sides * np.exp(SCALE * dice.bell(2)))[..., None, None, :]
    paths += SHIFT * dice.bell(1, 1, 2) + CENTRE
    return paths


def _ink(paths: Floats, smooth: Floats, drawn: Bools, pen: Floats, size: int) -> npt.NDArray[np.uint8]:
    """Ink paths in pixels of 28, about the middle: images (..., size, size).

    A pixel is ink if its middle is under the pen, as when a larger drawing is resized by NEAREST, or if it is the one
    that a dot of the pen falls into, so that no line breaks.
    """
    zoom = size / 28
    drawn = np.broadcast_to(drawn, paths.shape[:-2])
    smooth = np.broadcast_to(smooth, drawn.shape)
    dots = _track(paths[drawn], smooth[drawn]) * zoom + (size - 1) / 2
    image = np.zeros((math.prod(drawn.shape[:-1]), size, size), np.uint8)
    number = (np.flatnonzero(drawn) // STROKES)[:, None, None]
    radius = zoom * pen.reshape(-1)[number]
    corner = np.floor(dots).astype(np.intp)
    reach = math.ceil(zoom * PEN[1])
    for dx in range(1 - reach, reach + 1):
        for dy in range(1 - reach, reach + 1):
            x, y = corner[..., 0] + dx, corner[..., 1] + dy
            off_x, off_y = abs(x - dots[..., 0]), abs(y - dots[..., 1])
            hit = (off_x * off_x + off_y * off_y <= radius * radius) | (np.maximum(off_x, off_y) <= 0.5)
            hit &= (x >= 0) & (x < size) & (y >= 0) & (y < size)
            image[np.broadcast_to(number, x.shape)[hit], y[hit], x[hit]] = 1
    return image.reshape(*drawn.shape[:-1], size, size)


def _track(paths: Floats, smooth: Floats) -> Floats:
    """Where the pen goes: cubic Hermite curves through control points (n, points, 2), as dots (n, steps, dots, 2).

    The slope at a control point is that from its neighbour before to its neighbour after (Catmull and Rom). With
    slopes of zero the curves are straight lines, with corners.
    """
    slope = np.gradient(paths, axis=-2) * smooth[:, None, None]
    start, end = paths[:, :-1, None], paths[:, 1:, None]
    leave, arrive = slope[:, :-1, None], slope[:, 1:, None]
    t = np.linspace(0, 1, SAMPLES)[:, None]
    track: Floats = (1 - t) ** 2 * ((1 + 2 * t) * start + t * leave) + t**2 * ((3 - 2 * t) * end + (t - 1) * arrive)
    return track


def _turned(paths: Floats, angle: Floats) -> Floats:
    x, y, cos, sin = paths[..., 0], paths[..., 1], np.cos(angle), np.sin(angle)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def _box(paths: Floats, drawn: Bools) -> tuple[Floats, Floats]:
    """Least and greatest (x, y) of characters, each (n, 2)."""
    here = drawn[..., None, None]
    return np.where(here, paths, np.inf).min(axis=(1, 2)), np.where(here, paths, -np.inf).max(axis=(1, 2))


@click.command(help="Draw handwriting: characters that nobody has seen, as PNGs of 28x28 pixels.")
@click.option("--characters", type=click.IntRange(1, 9999), default=200, show_default=True)
@click.option("--drawings", type=click.IntRange(1, 99), default=20, show_default=True, help="Of each character.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed, other characters.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(__file__).with_name("glyphs"),
    show_default="glyphs beside this file",
    help="Folder for <alphabet>/<character>/<drawing>.png; drawings that are there are replaced.",
)
def main(characters: int, drawings: int, seed: int, out: Path) -> None:
    """Run the command line."""
    output.for_any_terminal()
    with tree.explained(out):
        write(out, characters, drawings, seed)
    click.echo(f"{characters} characters, {characters * drawings} drawings in {out}")


if __name__ == "__main__":
    main()
