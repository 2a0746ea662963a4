"""looks: how values are written on a page: money, times, countries; and the environment that renders the templates.

Everything is escaped unless a template's own markup; what people typed never becomes markup.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_day_names, get_month_names
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from doorstep.doors.console import browsers, goods_words, notice_words, words
from doorstep.doors.console.reach import reaches
from doorstep.doors.console.speaking import LANGUAGES, N_, _, decimal, gettext, grouped, ngettext_of, reader
from doorstep.kit import clock
from doorstep.kit.money import digits, spell

HERE = Path(__file__).parent
# Where templates and files of pages are: the console's, and the buyers' door's.
HOMES = (HERE, HERE.parent / "buyer")


@lru_cache(maxsize=1)
def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader([home / "templates" for home in HOMES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.globals.update(
        _=_text,
        ngettext=_counted,
        asset=asset,
        icon=icon,
        words=words,
        goods=goods_words,
        notice_words=notice_words,
        now=clock.now,
        reader=reader,
        languages=LANGUAGES,
        reaches=reaches,
    )
    env.filters.update(
        money=money, moment=moment, since=since, day=day, days=days, country=country, at_site=at_site, grouped=grouped,
        price=price, weight=weight, dated=dated, browser=browsers.called,
    )  # fmt: skip
    return env


# A page has hundreds of texts: these two say what Jinja's own would, at a fraction of the cost.


def _text(text: str, /, **values: Any) -> Markup:
    """A text in the reader's language; what is put into it is escaped."""
    told = Markup(gettext(text))
    return told % values if values else told


def _counted(one: str, many: str, count: int, /, **values: Any) -> Markup:
    return Markup(ngettext_of(one, many, count)) % {"num": grouped(count), **values}


def render(template: str, **context: Any) -> str:
    return environment().get_template(template).render(**context)


# Assets: few and small; read once, named with their hash so that a browser may keep them.

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
ALREADY_PACKED = (".woff2",)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that is served below /static; `packed` for browsers that take gzip, empty where it would save nothing."""

    content: bytes
    hash: str
    media_type: str
    packed: bytes


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """By name: no two have the same, whatever folder they are in."""
    files = [file for home in HOMES for file in (home / "static").rglob("*") if file.suffix in MEDIA_TYPES]
    return {file.name: _asset(file) for file in files}


def _asset(file: Path) -> Asset:
    content = file.read_bytes()
    packed = b"" if file.suffix in ALREADY_PACKED else gzip.compress(content, mtime=0)
    return Asset(content, sha256(content).hexdigest()[:12], MEDIA_TYPES[file.suffix], packed)


def asset(name: str) -> str:
    return f"/static/{name}?{assets()[name].hash}"


@lru_cache(maxsize=256)
def icon(name: str, label: str = "") -> Markup:
    """A drawing; one that says something by itself has a label."""
    told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {}><use href="{}#{}"/></svg>').format(told, asset("icons.svg"), name)


# Values

# In the reader's language, each until so many seconds.
_UNITS = ((N_("%(n)s min"), 60, 3600), (N_("%(n)s h"), 3600, 86400), (N_("%(n)s d"), 86400, 86400 * 60))


def money(amount_minor: int, currency: str) -> str:
    """As the reader's language writes it: $1,250.00, 1 250,00 USD."""
    shape = _money_shape(currency, reader().language)
    whole, part = divmod(abs(amount_minor), shape.one)
    written = f"{whole:,}".replace(",", shape.group)
    cents = f"{shape.point}{part:0{shape.places}}" if shape.places else ""
    return f"{'−' if amount_minor < 0 else ''}{shape.before}{written}{cents}{shape.after}"


@dataclass(frozen=True, slots=True)
class MoneyShape:
    """How amounts of a currency are written in a language; a page has a hundred of them."""

    before: str
    after: str
    group: str
    point: str
    places: int

    @property
    def one(self) -> int:
        return int(10**self.places)


def price(unit_price: Decimal, currency: str) -> str:
    """A unit price with as many places as it has, at least the currency's."""
    exact = unit_price.normalize()
    places = max(digits(currency), -int(exact.as_tuple().exponent))
    shape = _money_shape(currency, reader().language)
    whole, _point, part = f"{unit_price:,.{places}f}".partition(".")
    return whole.replace(",", shape.group) + (shape.point + part if part else "")


@lru_cache(maxsize=1024)
def _money_shape(currency: str, language: str) -> MoneyShape:
    places = digits(currency)
    written = spell(0, currency, language)
    zero = "0" if not places else written[written.index("0") : written.rindex("0") + 1]
    before, _, after = written.partition(zero)
    symbols = reader().locale.number_symbols["latn"]
    return MoneyShape(before, after, str(symbols["group"]), str(symbols["decimal"]), places)


def weight(grams: int) -> str:
    """350 g, 1.25 kg, 1,200 kg."""
    if 0 < grams < 1000:
        return _("%(n)s g", n=grams)
    whole, rest = divmod(grams, 1000)
    part = decimal(rest / 1000, 3)[1:].rstrip("0") if rest else ""
    return _("%(n)s kg", n=grouped(whole) + part)


def since(then: datetime) -> str:
    """How long ago, or in how long, in the largest unit that says enough."""
    seconds = (clock.now() - then).total_seconds()
    told = _spelled(abs(seconds))
    if told == "":
        return _("just now")
    return _("%(time)s ago", time=told) if seconds > 0 else _("in %(time)s", time=told)


def _spelled(seconds: float) -> str:
    for text, length, until in _UNITS:
        if seconds < until:
            count = int(seconds // length)
            return gettext(text) % {"n": count} if count else ""
    months = int(seconds // (86400 * 30.44))
    return gettext("%(n)s mo") % {"n": months} if months < 24 else gettext("%(n)s y") % {"n": months // 12}


def moment(then: datetime, how: str = "since") -> Markup:
    """A time element: relative or absolute to read, the other on hover, on the reader's clock. A browser whose zone is
    not known yet turns it into its own."""
    utc = then.astimezone(UTC)
    shown = since(then) if how == "since" else clock_time(then)
    told = f'<time datetime="{utc:%Y-%m-%dT%H:%M:%SZ}" title="{escape(full_time(then))}" data-how="{how}">'
    return Markup(f"{told}{escape(shown)}</time>")


def clock_time(then: datetime) -> str:
    """On the reader's clock: 3 Mar, 15:00."""
    local = then.astimezone(reader().clock)
    return f"{day_of_month(local)}, {local:%H:%M}"


def full_time(then: datetime) -> str:
    """Tue 3 Mar 2026, 15:00, and which clock it is."""
    local = then.astimezone(reader().clock)
    return f"{_weekday(local)} {day_of_month(local)} {local.year}, {local:%H:%M} {local:%Z}"


def at_site(then: datetime, zone: str, since: datetime | None = None) -> str:
    """A time on the clock of the site's wall: Tue 3 Mar, 15:00; after one of the same day 15:00 alone."""
    local = then.astimezone(ZoneInfo(zone))
    if since and since.astimezone(ZoneInfo(zone)).date() == local.date():
        return f"{local:%H:%M}"
    return f"{_weekday(local)} {day_of_month(local)}, {local:%H:%M}"


def day(when: date) -> str:
    return f"{_weekday(when)} {day_of_month(when)}"


def dated(when: date) -> str:
    """Where the year may be another: 3 Mar 2026."""
    return f"{day_of_month(when)} {when.year}"


def days(first: date | None, last: date | None) -> str:
    """A span of days: 5–10 Mar, 28 Feb – 3 Mar."""
    if first is None or last is None:
        return day(last or first) if last or first else ""  # type: ignore[arg-type]
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{day_of_month(last)}"
    return f"{day_of_month(first)} – {day_of_month(last)}"


def day_of_month(when: date) -> str:
    return f"{when.day} {_months(reader().language)[when.month]}"


def _weekday(when: date) -> str:
    return _weekdays(reader().language)[when.weekday()]


@lru_cache(maxsize=len(LANGUAGES))
def _months(language: str) -> dict[int, str]:
    return {number: str(name) for number, name in get_month_names("abbreviated", locale=language).items()}


@lru_cache(maxsize=len(LANGUAGES))
def _weekdays(language: str) -> dict[int, str]:
    return {number: str(name) for number, name in get_day_names("abbreviated", locale=language).items()}


def country(code: str) -> str:
    return str(reader().locale.territories.get(code, code))
