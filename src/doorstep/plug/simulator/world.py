"""world: the whole simulated outside, without HTTP: requests in, answers out, one at a time, remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from doorstep.kit.refusals import Refusal
from doorstep.plug.simulator.answer import Answer, Wrong, read_as
from doorstep.plug.simulator.carrier import Accepting, SimulatedCarrier
from doorstep.plug.simulator.journal import Journal, Told
from doorstep.plug.simulator.payments import SimulatedPayments
from doorstep.plug.simulator.sms import SimulatedSms, nobody_of
from doorstep.plug.simulator.worldclock import WorldClock


class Jump(Struct, frozen=True, forbid_unknown_fields=True):
    seconds: float = 0
    minutes: float = 0
    hours: float = 0
    days: float = 0
    to: datetime | None = None


class Speed(Struct, frozen=True, forbid_unknown_fields=True):
    speed: float


class Fate(Struct, frozen=True, forbid_unknown_fields=True):
    number: str
    fate: str


class World:
    """The same seed and the same requests at the same times make the same world: so it is restored."""

    def __init__(
        self,
        seed: int = 1,
        clock: WorldClock | None = None,
        state: Path | None = None,
        accepting: Accepting | None = None,
        disorder: float = 0.25,
    ) -> None:
        self.clock = clock or WorldClock()
        self.carrier = SimulatedCarrier(seed, accepting or Accepting(), disorder)
        self.payments = SimulatedPayments()
        self.sms = SimulatedSms()
        self._answers: dict[str, tuple[bytes, Answer]] = {}
        self._journal = Journal(None)
        journal = Journal(state)
        self._restore(journal)
        self._journal = journal

    def handle(
        self, method: str, path: str, body: Any = None, key: str = "", params: Mapping[str, str] | None = None,
        who: str = "",
    ) -> Answer:  # fmt: skip
        """`who`: whom it says it comes from (Authorization)."""
        if path.startswith("/sms/"):
            return self._text(method, path, body, params or {}, who)
        try:
            return self._handle(method, path, body, key, params or {})
        except Wrong as no:
            return Answer(no.status, {"error": no.error, "detail": no.detail})
        except Refusal as no:  # the price list's own words
            return Answer(422, {"error": no.why.get("reason", no.code), "detail": ""})

    def _handle(self, method: str, path: str, body: Any, key: str, params: Mapping[str, str]) -> Answer:
        match method, *path.strip("/").split("/"):
            case "POST", "carrier", "rates":
                return Answer(200, self.carrier.rates(body))
            case "GET", "carrier", "track", number:
                return Answer(200, self.carrier.track(number, self.clock.now()))
            case "POST", "carrier", "track":
                return Answer(200, self.carrier.track_many(body, self.clock.now()))
            case "GET", "pay", "charges":
                return Answer(200, self.payments.list(params, self.clock.now()))
            case "GET", "control", "state":
                return Answer(200, self.state())
            case "GET", "control", "labels":
                return Answer(200, {"labels": self.carrier.books()})
            case "POST", "carrier" | "pay", *_:
                return self._once(method, path, body, key)
            case "POST", "control", what:
                return self._control(what, path, body)
        raise Wrong(404, "no_such_thing", f"{method} {path}")

    def _text(self, method: str, path: str, body: Any, params: Mapping[str, str], who: str) -> Answer:
        match path.strip("/").split("/"):
            case ["sms", "2010-04-01", "Accounts", account, "Messages.json"] if method in ("GET", "POST"):
                now = self.clock.now()
                answer = self.sms.handle(method, account, body, params, now, who)
                if answer.status == 201:
                    self._journal.append(Told(now, self.clock.wall(), method, path, body, nobody_of(account)))
                return answer
        return Answer(404, {"code": 20404, "message": f"{method} {path}", "status": 404})

    def state(self) -> dict[str, Any]:
        now = self.clock.now()
        return {
            "now": now,
            "speed": self.clock.speed,
            "carrier": self.carrier.summary(now),
            "payments": self.payments.summary(now),
            "sms": self.sms.summary(),
        }

    def _once(self, method: str, path: str, body: Any, key: str) -> Answer:
        """The same key and content: the first answer again. Mistakes are not remembered, a no to money is."""
        if not key:
            raise Wrong(422, "key_missing", "send an Idempotency-Key")
        content = sha256(path.encode() + msgspec.json.encode(body, order="sorted")).digest()
        if key in self._answers:
            first, answer = self._answers[key]
            if first != content:
                raise Wrong(409, "key_reused", "this key was used with other content")
            return Answer(answer.status, answer.body)
        now = self.clock.now()
        try:
            answer = Answer(201, self._act(path)(body, key, now), late=self.payments.is_late(body))
        except Wrong as no:
            if no.status != 402:
                raise
            answer = Answer(402, {"error": no.error, "detail": no.detail})
        self._answers[key] = (content, answer)
        self._journal.append(Told(now, self.clock.wall(), method, path, body, key))
        return answer

    def _act(self, path: str) -> Callable[[Any, str, datetime], Any]:
        carrier, payments = self.carrier, self.payments
        match path.strip("/").split("/"):
            case ["carrier", "labels"]:
                return carrier.buy
            case ["carrier", "labels", ref, "void"]:
                return lambda body, key, now: carrier.void(ref, now)
            case ["carrier", "manifests"]:
                return carrier.manifest
            case ["carrier", "pickups"]:
                return carrier.pickup
            case ["carrier", "pickups", ref, "cancel"]:
                return lambda body, key, now: carrier.cancel_pickup(ref, now)
            case ["pay", "authorizations"]:
                return payments.authorize
            case ["pay", "authorizations", ref, "capture"]:
                return lambda body, key, now: payments.capture(ref, body, key, now)
            case ["pay", "authorizations", ref, "void"]:
                return lambda body, key, now: payments.void(ref, key, now)
            case ["pay", "authorizations", ref, "refund"]:
                return lambda body, key, now: payments.refund(ref, body, key, now)
        raise Wrong(404, "no_such_thing", path)

    def _control(self, what: str, path: str, body: Any) -> Answer:
        before, wall = self.clock.now(), self.clock.wall()
        match what:
            case "advance":
                self._jump(read_as(Jump, body))
            case "speed":
                self.clock.run_at(max(0.0, read_as(Speed, body).speed))
            case "fate":
                fate = read_as(Fate, body)
                self.carrier.decide_fate(fate.number, fate.fate)
            case "fates":
                self.carrier.weigh_fates(read_as(dict[str, float], body))
            case _:
                raise Wrong(404, "no_such_thing", path)
        self._journal.append(Told(before, wall, "POST", path, body))
        return Answer(200, {"now": self.clock.now(), "speed": self.clock.speed})

    def _jump(self, jump: Jump) -> None:
        by = timedelta(seconds=jump.seconds, minutes=jump.minutes, hours=jump.hours, days=jump.days)
        if jump.to is not None:
            by += max(timedelta(0), jump.to - self.clock.now())
        if by < timedelta(0):
            raise Wrong(422, "time_goes_forward")
        self.clock.advance(by)

    def _restore(self, journal: Journal) -> None:
        last: Told | None = None
        for last in journal.replay():
            self.clock.pin(last.at)
            # Of a text message the key is who sent it: the gateway takes none.
            self.handle(last.method, last.path, last.body, last.key, who=last.key)
        if last is not None:
            self.clock.unpin(self.clock.now(), last.wall)
