"""Drawings turned, scaled and shifted a little, each in its own way.

Public drawings can be looked up: a table of Omniglot's fits in a source file, and with it a solution that has learned
nothing. Drawings that are judged by are therefore new ones, which no table holds.
"""

import math

import numpy as np
from PIL import Image

TURN = math.radians(10)
SCALE = 0.12  # of the size, up and down
SHEAR = 0.12
SHIFT = 1.5  # pixels
INK = 0.45  # how much of a pixel must be covered


def redraw(drawings: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """New drawings of the same characters.

    Args:
        drawings: uint8 (..., height, width), ink 1.
        rng: chooses how each is changed.
    """
    flat = drawings.reshape(-1, *drawings.shape[-2:])
    return np.array([_redrawn(drawing, rng) for drawing in flat], dtype=np.uint8).reshape(drawings.shape)


def _redrawn(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = drawing.shape
    turn, shear = rng.uniform(-TURN, TURN), rng.uniform(-SHEAR, SHEAR)
    wide, high = 1 + rng.uniform(-SCALE, SCALE, 2)
    right, down = rng.uniform(-SHIFT, SHIFT, 2)
    cos, sin = math.cos(turn), math.sin(turn)
    matrix = np.array([[cos * wide, shear - sin], [sin + shear, cos * high]])  # from a new place to the old one
    centre = np.array([width - 1, height - 1]) / 2
    offset = centre - matrix @ (centre + np.array([right, down]))
    picture = Image.fromarray(drawing.astype(np.float32))
    places = (*matrix[0], offset[0], *matrix[1], offset[1])
    changed = picture.transform((width, height), Image.Transform.AFFINE, places, Image.Resampling.BILINEAR)
    return (np.asarray(changed) >= INK).astype(np.uint8)
