"""Drawn handwriting: characters that nobody has seen, without a download.

A character is a few strokes (bars, arcs, loops, hooks, waves, corners, zigzags) that touch, stand side by side or
repeat each other. Each drawing of it is by another hand: strokes, their control points, slant, proportions, place
and pen differ a little, so that few-shot learning is about as hard as on Omniglot; benchmarks/glyphs.py measures.

A seed gives the same drawings on every machine: each character has a stream of random numbers of its own, taken from
the raw output of PCG64, which NumPy promises never to change.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SEGMENTS = 5  # of a stroke, between its control points
SKETCHES = 6  # the clearest of so many becomes the character
SAMPLES = 20  # dots of the pen on a segment
BLOCK = 100  # characters drawn at a time, for the sake of memory
OWN_ROLLS, SKETCH_ROLLS, HAND_ROLLS = 10, 400, 360  # random numbers that a character, a sketch and a hand may use


class Shape(NamedTuple):
    """A kind of stroke."""

    share: float  # of all strokes
    turns: tuple[int, ...]  # from segment to segment, in units of the angle
    angle: tuple[int, int]  # degrees, least and most
    length: tuple[float, float]  # least and most; only ratios count, a character is scaled to its size in the end
    smooth: bool


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
SHARES, TURNS, ANGLES, LENGTHS, SMOOTH = (np.array(column) for column in zip(*SHAPES, strict=True))

COUNTS = (0.10, 0.22, 0.30, 0.24, 0.14)  # shares of characters with 1, 2, ... strokes
STROKES = len(COUNTS)
HEADINGS = np.deg2rad([0, 0, 0, 90, 90, 90, 45, 135])  # mean directions of strokes: most lie or stand
SPREAD = .5
TOUCH, ECHO = 0.6, 0.15  # shares of strokes that touch an earlier one, or repeat the last one beside it
SIZE, GROWTH, ASPECT = (9.5, 16.5), 1.1, 0.15  # pixels, and more for each stroke; spread of log width and log height

# The standard deviations of a hand, for a character of size 1 ...
POINT, STROKE, STRETCH, TILT = 0.018, 0.035, 0.10, 0.12  # point and stroke moved; stroke scaled and turned
TURN, SLANT, SCALE = 0.10, 0.12, 0.12  # of the whole character
SHIFT = 1.3  # ... and in pixels
PEN = (0.55, 0.75)  # half the width of the line, pixels


class Character(NamedTuple):
    """Characters as strokes through control points.

    Attributes:
        paths: (..., strokes, points, 2), x to the right and y down, about 0, the longer side about 1.
        smooth: (..., strokes), 1 if the stroke is a smooth curve and 0 if it has corners.
        drawn: (..., strokes), whether the character has this stroke.
    """

    paths: Floats
    smooth: Floats
    drawn: Bools


class Dice:
    """Random numbers, dealt in order.

    Args:
        numbers: (..., n) in [0, 1); a roll takes the next ones of the last axis.
    """

    def __init__(self, numbers: Floats):
        self.shape = numbers.shape[:-1]
        self._numbers = numbers
        self._next = 0

    def roll(self, *shape: int) -> Floats:
        """Uniform in [0, 1)."""
        first, self._next = self._next, self._next + math.prod(shape)
        assert self._next <= self._numbers.shape[-1], "the stream is too short"
        return self._numbers[..., first : self._next].reshape(*self.shape, *shape)

    def between(self, limits, *shape: int) -> Floats:
        """Uniform between limits (..., 2)."""
        low, high = np.moveaxis(np.asarray(limits), -1, 0)
        return low + (high - low) * self.roll(*shape)

    def bell(self, *shape: int) -> Floats:
        """Nearly normal, mean 0 and deviation 1, never beyond 3."""
        return 2 * self.roll(*shape, 3).sum(axis=-1) - 3

    def index(self, number: int, *shape: int):
        """0 .. number-1, evenly."""
        return (number * self.roll(*shape)).astype(np.intp)

    def choose(self, shares, *shape: int):
        """0 .. len(shares)-1, by their shares."""
        return np.searchsorted(np.cumsum(shares)[:-1], self.roll(*shape), side="right")

    def either(self, share, *shape):
        return self.roll(*shape) < share


SQUARE=False
def draw(characters: int, drawings: int = 20, seed: int = 0, size: int = 28) -> npt.NDArray[np.uint8]:
    blocks = [range(first, min(first + BLOCK, characters)) for first in range(0, characters, BLOCK)]
    return np.concatenate([_block(block, drawings, seed, size) for block in blocks])


def _block(block, drawings, seed, size):
    lengths = (OWN_ROLLS, SKETCHES * SKETCH_ROLLS, drawings * HAND_ROLLS)
    raw = np.stack([np.random.PCG64([seed, i]).random_raw(sum(lengths)) for i in block])
    own, sketches, hands = np.split((raw >> 11) * 2.0**-53, np.cumsum(lengths)[:-1], axis=1)
    own = Dice(own)
    count = 1 + own.choose(COUNTS)
    sketched = _sketch(Dice(sketches.reshape(len(block), SKETCHES, SKETCH_ROLLS)), count[:,None])
    best = _clarity(sketched).argmax(axis=1)
    character = Character(*(part[np.arange(len(block)), best] for part in sketched))
    extent = (own.between(SIZE) + GROWTH * count)[:, None] * np.exp(ASPECT * own.bell(2))
    dice = Dice(hands.reshape(len(block), drawings, HAND_ROLLS))
    written = _write(character, extent, dice)
    return _ink(written, dice.between(PEN), size)


def _sketch(dice: Dice, count) -> Character:
    kind = dice.choose(SHARES, STROKES)
    turns = TURNS[kind] * np.deg2rad(dice.between(ANGLES[kind], STROKES))[..., None]
    turns = np.where(dice.either(0.5, STROKES, 1), turns, turns[..., ::-1]) * np.where(dice.either(0.5, STROKES, 1), 1, -1)
    turns = turns + 0.1 * dice.bell(STROKES, SEGMENTS-1)
    direction = np.cumsum(np.concatenate([np.zeros_like(turns[..., :1]), turns], axis=-1), axis=-1)
    heading = HEADINGS[dice.index(len(HEADINGS), STROKES)] + 0.1 * dice.bell(STROKES)
    direction += (heading - direction.mean(axis=-1))[..., None]
    steps = dice.between((0.7, 1.3), STROKES, SEGMENTS)
    steps *= (dice.between(LENGTHS[kind], STROKES) / steps.sum(axis=-1))[..., None]
    steps = steps[..., None] * np.stack([np.cos(direction), np.sin(direction)], axis=-1)
    paths = np.concatenate([np.zeros_like(steps[..., :1, :]), np.cumsum(steps, axis=-2)], axis=-2)
    smooth = SMOOTH[kind].astype(float)

    way = dice.roll(STROKES)
    mine, its = dice.index(SEGMENTS + 1, STROKES), dice.index(SEGMENTS + 1, STROKES)
    ends=np.array([0,0,2,3,5,5]); mine=ends[mine]; its=ends[its]
    mate = dice.roll(STROKES)
    sign = np.where(dice.either(0.5, STROKES), 1, -1)
    AXIS=np.exp(SPREAD*dice.bell(STROKES))
    gap = dice.between((0.15, 0.45), STROKES)
    slide = .2*dice.bell(STROKES,2)
    at = np.ix_(*map(range, dice.shape))
    for s in range(1, STROKES):
        near = paths[(*at, (s * mate[..., s]).astype(int), its[..., s])] - paths[(*at, s, mine[..., s])]
        low, high = (extreme(paths[..., :s, :, :], axis=(-3, -2)) for extreme in (np.min, np.max))
        bottom, top = paths[..., s, :, :].min(-2), paths[..., s, :, :].max(-2)
        wide = (high - low)[..., 0] > AXIS[...,s]*(high - low)[..., 1]
        axis = np.stack([~wide, wide], axis=-1)
        sg = sign[..., s, None]
        g = gap[..., s, None]
        beside = np.where(axis, np.where(sg > 0, high + g - bottom, low - g - top), (low + high - bottom - top) / 2 + slide[..., s, :])
        paths[..., s, :, :] += np.where(way[..., s, None] < TOUCH, near, beside)[..., None, :]
        echo = way[..., s] > 1 - ECHO
        paths[echo, s] = paths[echo, s - 1] + (axis * sg * g)[echo][:, None]
        smooth[echo, s] = smooth[echo, s - 1]
    drawn = np.broadcast_to(np.arange(STROKES) < count[..., None], smooth.shape)
    m = drawn[..., None, None]
    low = np.where(m, paths, np.inf).min((-3, -2)); high = np.where(m, paths, -np.inf).max((-3, -2))
    longer = np.maximum((high - low).max(-1), 0.25)
    paths = (paths - ((low + high) / 2)[..., None, None, :]) / longer[..., None, None, None]
    return Character(paths, smooth, drawn)


def _clarity(sketches):
    track = _track(sketches)
    m = sketches.drawn[..., None, None, None]
    cells = ((track + 0.5) * 12).astype(int).clip(0, 11)
    seen = np.zeros((*track.shape[:2], 12, 12), bool)
    at = np.ix_(*map(range, track.shape[:2]))
    for s in range(STROKES):
        for g in range(SEGMENTS):
            c=cells[:,:,s,g]
            k=sketches.drawn[:,:,s]
            a,b=np.nonzero(k)
            seen[a[:,None],b[:,None],c[a,b,:,0],c[a,b,:,1]]=True
    L = 12*(np.sqrt((np.diff(sketches.paths, axis=-2)**2).sum(-1)).sum(-1)*sketches.drawn).sum(-1)
    low = np.where(m[...,0], sketches.paths, np.inf).min((-3, -2)); high = np.where(m[...,0], sketches.paths, -np.inf).max((-3, -2))
    e=high-low
    return seen.sum((-1, -2)) / (L + 3) + ROUND * e.min(-1) / e.max(-1)
ROUND=.15

def _track(character):
    path = character.paths
    slope = np.concatenate([path[..., 1:2, :] - path[..., :1, :], (path[..., 2:, :] - path[..., :-2, :])/2, path[..., -1:, :] - path[..., -2:-1, :]], axis=-2)
    slope = slope * character.smooth[..., None, None]
    t = np.linspace(0, 1, SAMPLES)[:, None]
    a, b = path[..., :-1, None, :], path[..., 1:, None, :]
    u, v = slope[..., :-1, None, :], slope[..., 1:, None, :]
    return (1 - t)**2 * ((1 + 2 * t) * a + t * u) + t**2 * ((3 - 2 * t) * b + (t - 1) * v)

def _rotate(x, angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * x[..., 0] - s * x[..., 1], s * x[..., 0] + c * x[..., 1]], -1)

def _write(character, extent, dice):
    p = character.paths[:, None] + POINT * dice.bell(STROKES, SEGMENTS+1, 2)
    mid = p.mean(-2, keepdims=True)
    p = _rotate((p - mid) * (1 + STRETCH * dice.bell(STROKES, 1, 2)), TILT * dice.bell(STROKES, 1)) + mid + STROKE * dice.bell(STROKES, 1, 2)
    p = _rotate(p, TURN * dice.bell(1, 1))
    p[..., 0] += SLANT * dice.bell(1, 1) * p[..., 1]
    p *= (extent[:, None] * np.exp(SCALE * dice.bell(2)))[..., None, None, :]
    p += SHIFT * dice.bell(1, 1, 2) + CENTRE
    return Character(p, character.smooth[:, None], character.drawn[:, None])
CENTRE=np.array((-.3,-.6))

def _ink(character, pen, size):
    track = _track(character) * (size / 28) + (size - 1) / 2
    n, d = track.shape[:2]
    image = np.zeros((n, d, size, size), np.uint8)
    near = np.floor(track).astype(np.intp)
    at = np.broadcast_to(np.arange(n * d).reshape(n, d, 1, 1, 1), track.shape[:-1])
    flat=image.reshape(-1)
    for dx in (0, 1):
        for dy in (0, 1):
            pix = near + (dx, dy)
            off = pix - track
            r=pen[..., None, None, None]
            if SQUARE: hit = (np.abs(off) <= r[...,None]).all(-1)
            else: hit = ((off**2).sum(-1) <= r**2)|((np.abs(off)<=.5).all(-1))
            hit &= character.drawn[..., None, None] & (pix >= 0).all(-1) & (pix < size).all(-1)
            flat[(at[hit] * size + pix[hit][:, 1]) * size + pix[hit][:, 0]] = 1
    return image
