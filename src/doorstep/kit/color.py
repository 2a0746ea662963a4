"""color: whether words can be read on a color, or in it, and the nearest one in which they can (WCAG contrast)."""

from __future__ import annotations

import re

WHITE, INK, NIGHT = "#ffffff", "#14181f", "#17181a"
READABLE = 4.5
_STEPS = 50


def is_color(word: str) -> bool:
    return re.fullmatch("#[0-9a-fA-F]{6}", word) is not None


def contrast(one: str, other: str) -> float:
    """1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def readable_on(color: str) -> str:
    """White or near-black, whichever contrasts more."""
    return WHITE if contrast(WHITE, color) >= contrast(INK, color) else INK


def fill(color: str) -> str:
    """The color itself where words can be read on it, else the nearest darker one on which white can."""
    return color if contrast(color, readable_on(color)) >= READABLE else legible(color)


def legible(color: str, ground: str = WHITE) -> str:
    """The color itself where words of it can be read on that ground, else the nearest shade in which they can."""
    away = "#000000" if _luminance(ground) > 0.5 else WHITE
    for step in range(_STEPS + 1):
        shade = _mixed(color, away, step / _STEPS)
        if contrast(shade, ground) >= READABLE:
            return shade
    return away


def _mixed(color: str, other: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(mine + (theirs - mine) * share):02x}" for mine, theirs in pairs)


def _channels(color: str) -> list[int]:
    return [int(color[at : at + 2], 16) for at in (1, 3, 5)]


def _luminance(color: str) -> float:
    parts = [channel / 255 for channel in _channels(color)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
