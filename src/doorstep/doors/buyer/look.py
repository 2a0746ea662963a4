"""look: what makes a page a shop's own: its color as a style sheet, its picture as a file of ours."""

from __future__ import annotations

from typing import Any

from litestar import Response

from doorstep.doors.buyer.asking import Asked
from doorstep.doors.http.problems import NoSuchPage
from doorstep.kit.color import NIGHT, fill, is_color, legible, readable_on
from doorstep.setup.branding import logo_of
from doorstep.spine.tenant import tenant_tx

KEEP = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
# Opened by itself a picture is still nothing but a picture.
AS_A_PICTURE = {
    **KEEP,
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
}


async def colors(asked: Asked) -> Response[Any]:
    """`/t/look/1f5fbf.css`: the color, and what can be read on it and in it, by day and by night."""
    name, _, ending = asked.path["name"].partition(".")
    accent = f"#{name}"
    if ending != "css" or not is_color(accent):
        raise NoSuchPage
    filled = fill(accent)
    sheet = (
        f":root {{ --accent: {filled}; --on-accent: {readable_on(filled)};"
        f" --accent-ink: light-dark({legible(accent)}, {legible(accent, NIGHT)}); }}\n"
    )
    return Response(sheet, media_type="text/css", headers=KEEP)


async def logo(asked: Asked) -> Response[Any]:
    """`/t/logo/<shop>/<hash>.png`: the shop's picture as it is now."""
    merchant = await asked.db.find("merchant", asked.path["merchant"])
    if merchant is None:
        raise NoSuchPage
    async with tenant_tx(asked.db, [merchant], readonly=True) as tx:
        found = await logo_of(tx, merchant)
    if found is None or asked.path["name"] != f"{found.hash}.{found.ending}":
        raise NoSuchPage
    return Response(found.content, media_type=found.media_type, headers=AS_A_PICTURE)
