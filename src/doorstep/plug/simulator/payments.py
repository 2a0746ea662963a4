"""payments: the simulated payment provider: holds, takes, lets go and gives back, and keeps the book."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from msgspec import Struct

from doorstep.plug.payments import Authorization, Capture, Charge, Entry, Refund
from doorstep.plug.simpay import Page
from doorstep.plug.simulator.answer import Wrong, read_as

PAGE = 100
HOLD_FOR = timedelta(days=7)

# Tokens that get a no, and the word for it. Every other token beginning with tok_ is good for any amount.
DECLINES: dict[str, str] = {
    "tok_declined": "declined",
    "tok_insufficient_funds": "insufficient_funds",
    "tok_expired_card": "expired_card",
    "tok_stolen": "fraud",
}
LATE = "tok_timeout"  # does it, but answers too late
SHORT = "tok_short"  # holds for an hour only
REFUSES_CAPTURE = "tok_capture_declined"  # authorizes, then declines to pay


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    amount_minor: int
    currency: str
    token: str
    reference: str = ""


class Amount(Struct, frozen=True, forbid_unknown_fields=True):
    amount_minor: int


class Book(Struct):
    """One authorization and what became of it."""

    ref: str
    token: str
    reference: str
    currency: str
    authorized_minor: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    captured_minor: int = 0
    refunded_minor: int = 0
    open: bool = True
    closed_as: str = ""
    entries: list[Entry] = []

    @property
    def held_minor(self) -> int:
        return self.authorized_minor - self.captured_minor if self.open else 0

    @property
    def status(self) -> str:
        if self.captured_minor == self.authorized_minor:
            return "captured"
        if self.captured_minor:
            return "partially_captured"
        return self.closed_as or "authorized"

    def enter(self, kind: str, key: str, amount_minor: int, at: datetime) -> str:
        ref = f"{kind[:3]}_{_short(f'{self.ref}|{kind}|{key}')}"
        self.entries.append(Entry(kind=kind, ref=ref, key=key, amount_minor=amount_minor, at=at))
        self.updated_at = at
        return ref


class SimulatedPayments:
    def __init__(self) -> None:
        self._books: dict[str, Book] = {}

    def authorize(self, body: Any, key: str, now: datetime) -> Authorization:
        asked = read_as(Asked, body)
        if asked.amount_minor <= 0:
            raise Wrong(422, "bad_amount")
        if len(asked.currency) != 3 or not asked.currency.isupper():
            raise Wrong(422, "bad_currency", asked.currency)
        if not asked.token.startswith("tok_"):
            raise Wrong(422, "unknown_token")
        if asked.token in DECLINES:
            raise Wrong(402, DECLINES[asked.token])
        book = Book(
            ref=f"auth_{_short(key)}",
            token=asked.token,
            reference=asked.reference,
            currency=asked.currency,
            authorized_minor=asked.amount_minor,
            created_at=now,
            updated_at=now,
            expires_at=now + (timedelta(hours=1) if asked.token == SHORT else HOLD_FOR),
        )
        book.enter("authorize", key, asked.amount_minor, now)
        self._books[book.ref] = book
        return Authorization(
            ref=book.ref, amount_minor=asked.amount_minor, currency=book.currency, expires_at=book.expires_at
        )

    def capture(self, ref: str, body: Any, key: str, now: datetime) -> Capture:
        book, amount_minor = self._book(ref, now), _amount(body)
        if not book.open:
            raise Wrong(402, book.closed_as)
        if book.token == REFUSES_CAPTURE:
            raise Wrong(402, "declined")
        if amount_minor > book.held_minor:
            raise Wrong(402, "exceeds_authorization", f"{book.held_minor} held")
        book.captured_minor += amount_minor
        entry = book.enter("capture", key, amount_minor, now)
        return Capture(ref=entry, amount_minor=amount_minor, captured_minor=book.captured_minor)

    def void(self, ref: str, key: str, now: datetime) -> dict[str, Any]:
        book = self._book(ref, now)
        if book.open and book.held_minor:
            book.enter("void", key, book.held_minor, now)
            book.open, book.closed_as = False, "voided"
        elif book.open:
            raise Wrong(402, "nothing_held")
        return {}

    def refund(self, ref: str, body: Any, key: str, now: datetime) -> Refund:
        book, amount_minor = self._book(ref, now), _amount(body)
        left_minor = book.captured_minor - book.refunded_minor
        if amount_minor > left_minor:
            raise Wrong(402, "exceeds_captured", f"{left_minor} left to refund")
        book.refunded_minor += amount_minor
        entry = book.enter("refund", key, amount_minor, now)
        return Refund(ref=entry, amount_minor=amount_minor, refunded_minor=book.refunded_minor)

    def list(self, params: Mapping[str, str], now: datetime) -> Page:
        since = _instant(params.get("since", ""))
        after = params.get("after", "")
        for book in self._books.values():
            _expire(book, now)
        changed = [book for book in self._books.values() if since is None or book.updated_at >= since]
        changed.sort(key=_cursor)
        rest = [book for book in changed if _cursor(book) > after]
        page = rest[:PAGE]
        return Page([_charge(book) for book in page], _cursor(page[-1]) if len(rest) > PAGE else "")

    def is_late(self, body: Any) -> bool:
        return isinstance(body, dict) and body.get("token") == LATE

    def summary(self, now: datetime) -> dict[str, Any]:
        for book in self._books.values():
            _expire(book, now)
        totals = Counter[str]()
        for book in self._books.values():
            totals[f"captured_{book.currency}"] += book.captured_minor
            totals[f"refunded_{book.currency}"] += book.refunded_minor
            totals[f"held_{book.currency}"] += book.held_minor
        by_status = Counter(book.status for book in self._books.values())
        return {"charges": len(self._books), "by_status": dict(by_status), "totals_minor": dict(totals)}

    def _book(self, ref: str, now: datetime) -> Book:
        if ref not in self._books:
            raise Wrong(404, "unknown_authorization", ref)
        _expire(self._books[ref], now)
        return self._books[ref]


def _expire(book: Book, now: datetime) -> None:
    if book.held_minor and book.expires_at <= now:
        book.enter("expire", "", book.held_minor, book.expires_at)
        book.open, book.closed_as = False, "expired"


def _amount(body: Any) -> int:
    amount_minor = read_as(Amount, body).amount_minor
    if amount_minor <= 0:
        raise Wrong(422, "bad_amount")
    return amount_minor


def _charge(book: Book) -> Charge:
    return Charge(
        ref=book.ref,
        reference=book.reference,
        currency=book.currency,
        authorized_minor=book.authorized_minor,
        captured_minor=book.captured_minor,
        refunded_minor=book.refunded_minor,
        status=book.status,
        created_at=book.created_at,
        updated_at=book.updated_at,
        expires_at=book.expires_at,
        entries=tuple(book.entries),
    )


def _cursor(book: Book) -> str:
    return f"{book.updated_at.timestamp():020.6f}|{book.ref}"


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(422, "malformed", "since") from None
    if at.tzinfo is None:
        raise Wrong(422, "malformed", "since has no time zone")
    return at


def _short(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:20]
