"""curve: a reliability curve as SVG: how sure dates were said to be, and how many of them were kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SIZE, EDGE, LEAST = 420, 48, 0.5


class Point(NamedTuple):
    said: float
    kept: float
    promises: int


def points(promises: Sequence[tuple[float, bool]], bins: int = 10) -> list[Point]:
    """Bins of as many promises each, from the least sure to the surest."""
    ordered = sorted(promises)
    size = -(-len(ordered) // bins)
    parts = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    return [
        Point(sum(said for said, _ in part) / len(part), sum(kept for _, kept in part) / len(part), len(part))
        for part in parts
    ]


def drawn(found: Sequence[Point], title: str) -> str:
    """On the dashed line everything is as it was said."""

    def x(share: float) -> float:
        return round(EDGE + (share - LEAST) / (1 - LEAST) * (SIZE - 2 * EDGE), 1)

    def y(share: float) -> float:
        return round(SIZE - x(share), 1)

    ticks = [LEAST + step / 10 for step in range(6)]
    grid = "".join(
        f'<path d="M{x(t)} {y(LEAST)}V{y(1)}M{x(LEAST)} {y(t)}H{x(1)}" stroke="#8884"/>'
        f'<text x="{x(t)}" y="{y(LEAST) + 18}" text-anchor="middle">{t:.0%}</text>'
        f'<text x="{x(LEAST) - 6}" y="{y(t) + 4}" text-anchor="end">{t:.0%}</text>'
        for t in ticks
    )
    line = " ".join(f"{x(max(LEAST, point.said))},{y(max(LEAST, point.kept))}" for point in found)
    dots = "".join(
        f'<circle cx="{x(max(LEAST, p.said))}" cy="{y(max(LEAST, p.kept))}" r="4" fill="#2563eb">'
        f"<title>{p.promises} promises: said {p.said:.1%}, kept {p.kept:.1%}</title></circle>"
        for p in found
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}"'
        f' font-family="system-ui, sans-serif" font-size="11" fill="#555">'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{EDGE}" y="24" font-size="13" fill="#222">{title}</text>{grid}'
        f'<path d="M{x(LEAST)} {y(LEAST)}L{x(1)} {y(1)}" stroke="#888" stroke-dasharray="4 4"/>'
        f'<polyline points="{line}" fill="none" stroke="#2563eb" stroke-width="2"/>{dots}'
        f'<text x="{SIZE / 2}" y="{SIZE - 8}" text-anchor="middle">said to be this sure</text>'
        f'<text transform="translate(12 {SIZE / 2}) rotate(-90)" text-anchor="middle">kept</text></svg>\n'
    )
