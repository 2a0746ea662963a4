"""looks: how values are written on a page: money, times, countries; and the environment that renders the templates.

Everything is escaped unless a template's own markup; what people typed never becomes markup.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import UnknownLocaleError
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from doorstep.doors.console import words
from doorstep.kit import clock
from doorstep.kit.money import spell

HERE = Path(__file__).parent
LOCALE = "en"


@lru_cache(maxsize=1)
def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.globals.update(asset=asset, words=words, now=clock.now)
    env.filters.update(
        money=money, moment=moment, since=since, day=day, days=days, country=country, flag=flag, at_site=at_site,
        plural=words.plural,
    )  # fmt: skip
    return env


def render(template: str, **context: Any) -> str:
    return environment().get_template(template).render(**context)


# Assets: few and small; read once, named with their hash so that a browser may keep them.

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@lru_cache(maxsize=1)
def assets() -> dict[str, tuple[bytes, str]]:
    """What is served below /static: the file's content and its hash."""
    files = [file for file in (HERE / "static").iterdir() if file.suffix in MEDIA_TYPES]
    contents = {file.name: file.read_bytes() for file in files}
    return {name: (content, sha256(content).hexdigest()[:12]) for name, content in contents.items()}


def asset(name: str) -> str:
    return f"/static/{name}?{assets()[name][1]}"


# Values


def money(amount_minor: int, currency: str) -> str:
    return spell(amount_minor, currency)


def since(then: datetime) -> str:
    """How long ago, or in how long, in the largest unit that says enough."""
    seconds = (clock.now() - then).total_seconds()
    told = _spelled(abs(seconds))
    if told == "":
        return "just now"
    return f"{told} ago" if seconds > 0 else f"in {told}"


def _spelled(seconds: float) -> str:
    for unit, length, until in (("min", 60, 3600), ("h", 3600, 86400), ("d", 86400, 86400 * 60)):
        if seconds < until:
            count = int(seconds // length)
            return f"{count} {unit}" if count else ""
    months = int(seconds // (86400 * 30.44))
    return f"{months} mo" if months < 24 else f"{months // 12} y"


def moment(then: datetime, how: str = "since") -> Markup:
    """A time element: relative or absolute to read, the other on hover; the browser turns it into its own zone."""
    utc = then.astimezone(UTC)
    full = f"{utc:%a} {utc.day} {utc:%b %Y}, {utc:%H:%M} UTC"
    shown = since(then) if how == "since" else f"{utc.day} {utc:%b}, {utc:%H:%M}"
    return Markup('<time datetime="{}" title="{}" data-how="{}">{}</time>').format(
        f"{utc:%Y-%m-%dT%H:%M:%SZ}", full, how, shown
    )


def at_site(then: datetime, zone: str) -> str:
    """A time on the clock of the site's wall: Tue 3 Mar, 15:00."""
    local = then.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def day(when: date) -> str:
    return f"{when:%a} {when.day} {when:%b}"


def days(first: date | None, last: date | None) -> str:
    """A span of days: 5–10 Mar, 28 Feb – 3 Mar."""
    if first is None or last is None:
        return day(last or first) if last or first else ""  # type: ignore[arg-type]
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{last.day} {last:%b}"
    return f"{first.day} {first:%b} – {last.day} {last:%b}"


@lru_cache(maxsize=1)
def _territories() -> dict[str, str]:
    try:
        return {str(code): str(name) for code, name in Locale(LOCALE).territories.items()}
    except UnknownLocaleError:
        return {}


def country(code: str) -> str:
    return _territories().get(code, code)


def flag(code: str) -> str:
    """The two letters as the flag that a font draws of them."""
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        return ""
    return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code.upper())
