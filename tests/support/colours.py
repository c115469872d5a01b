"""Contrast and perceived difference of colours, also with colour blindness."""

import math
from collections.abc import Sequence

Matrix = Sequence[Sequence[float]]

VISIONS: dict[str, Matrix] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""Matrices for linear RGB. Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113."""

# https://bottosson.github.io/posts/oklab/
_LMS: Matrix = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_OKLAB: Matrix = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours `#rrggbb` (WCAG 2.2)."""
    lights = [
        sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), rgb, strict=True))
        for rgb in (_linear(one), _linear(other))
    ]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def distance(one: str, other: str, vision: str) -> float:
    """Return the distance of two colours in OKLab for a kind of vision; black to white is 1."""
    return math.dist(*(_oklab(_seen(each, vision)) for each in (one, other)))


def _linear(colour: str) -> list[float]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def _seen(colour: str, vision: str) -> list[float]:
    return [min(1.0, max(0.0, part)) for part in _multiply(VISIONS[vision], _linear(colour))]


def _oklab(rgb: Sequence[float]) -> list[float]:
    return _multiply(_OKLAB, [math.cbrt(part) for part in _multiply(_LMS, rgb)])


def _multiply(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]
