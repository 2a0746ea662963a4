"""A Meest of our own: its Open API as a real HTTP server with a memory and bad days. Where its document is silent it
does what is worst for us: it takes two parcels of one number, and forgets tokens when it likes.
"""

from __future__ import annotations

import asyncio
import fnmatch
import itertools
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Literal, cast
from uuid import UUID, uuid4

from doorstep.kit import clock
from doorstep.plug.simulator.answer import Answer
from doorstep.plug.simulator.faults import FaultPlan, Kind, Rule
from doorstep.plug.simulator.labelpdf import label_pdf
from doorstep.plug.simulator.server import App, Receive, Scope, Send, _header, server_of
from doorstep.plug.simulator.world import World
from doorstep_meest.words import KYIV
from tests.plug.carrier_contract import Act, Part

BASE = "/v3.0/openAPI"
PATHS: Mapping[Act, Mapping[str, str]] = {
    "rates": {"path": f"{BASE}/calculate"}, "buy": {"path": f"{BASE}/parcel", "ends": "/parcel"},
    "void": {"path": f"{BASE}/parcel/"}, "manifest": {"path": f"{BASE}/registerBranch"},
    "pickup": {"path": f"{BASE}/registerPickup"}, "track": {"path": f"{BASE}/tracking/"},
}  # fmt: skip
LOGIN, PASSWORD, CONTRACT = "shop", "s3cret", "5a3b0c1e-0000-4000-8000-000000000001"


def an_id(kind: int, number: int) -> str:
    return str(UUID(int=(kind << 96) | number))


COUNTRIES = [("UA", "УКРАЇНА", "UKRAINE"), ("PL", "ПОЛЬЩА", "POLAND"), ("US", "СПОЛУЧЕНІ ШТАТИ", "UNITED STATES"),
             ("DE", "НІМЕЧЧИНА", "GERMANY")]  # fmt: skip
# Country, name in Ukrainian and English, region, district, postal codes; two villages of one name are meant.
CITIES = [
    ("UA", "Київ", "Kyiv", "КИЇВСЬКА", "Київ", ("01001", "04060")),
    ("UA", "Львів", "Lviv", "ЛЬВІВСЬКА", "Львів", ("79000", "79038")),
    ("UA", "Миколаїв", "Mykolaiv", "МИКОЛАЇВСЬКА", "Миколаїв", ("54000",)),
    ("UA", "Миколаїв", "Mykolaiv", "ЛЬВІВСЬКА", "Стрийський", ("81600",)),
    ("US", "Ньюарк", "Newark", "NEW JERSEY", "Essex", ("07102",)),
]
# City's number above, name in Ukrainian and English.
STREETS = [
    (0, "вул. Хрещатик", "Khreshchatyk st."), (1, "вул. Зелена", "Zelena st. "), (1, "пл. Ринок", "Rynok sq."),
    (1, "вул. Городоцька", "Horodotska st."), (1, "просп. Зелена", "Zelena ave."), (4, "вул. Док", "Dock Street"),
    (3, "вул. Шевченка", "Shevchenka st."),
]  # fmt: skip
BRANCHES = {465: 0, 1: 1, 3318: 2}


@dataclass
class Parcel:
    parcel_id: str
    bar_code: str
    body: dict[str, Any]
    made_at: datetime
    cost: float
    events: list[tuple[str, datetime, str]] = field(default_factory=list)
    register_id: str = ""
    is_gone: bool = False

    @property
    def day(self) -> str:
        return f"{self.made_at.astimezone(KYIV):%d.%m.%Y}"


@dataclass
class Register:
    register_id: str
    kind: Literal["registerBranch", "registerPickUP"]
    body: dict[str, Any]


class No(Exception):
    """Status Error, with the field it is about."""

    def __init__(self, field_name: str, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.field_name, self.message, self.status = field_name, message, status


class Meest:
    """The whole of it without HTTP."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.registers: dict[str, Register] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.answers: list[tuple[str, str, Any]] = []
        self.tokens: set[str] = set()
        self.renewals: set[str] = set()
        self.left_out: tuple[Part, ...] = ()
        self.numbers_are_unique = False
        self.pickup_days_later = 0
        self.lives_s = 86_400
        self._count = itertools.count(2_550_636)

    # The door

    def handle(self, method: str, path: str, body: Any, token: str, params: Mapping[str, str]) -> Answer:
        path = path.removeprefix(BASE)
        self.requests.append((method, path, body))
        try:
            if path not in ("/auth", "/refreshToken") and token not in self.tokens:
                raise No("token", "Токен не дійсний", 401)
            answer = self._answer(method, path, body, params)
            self.answers.append((method, path, answer))
            return Answer(200, answer)
        except No as no:
            said = _said("Error", {}, no.field_name, no.message)
            return Answer(no.status, _beside(said) if path in ("/auth", "/refreshToken") else said)

    def _answer(self, method: str, path: str, body: Any, params: Mapping[str, str]) -> Any:
        match method, *path.strip("/").split("/"):
            case "GET", "print", "sticker100", number:
                return self._sticker(number, params)
            case "GET", "print", "register", number, "pdf":
                return self._register_paper(number)
            case "POST", "auth" | "refreshToken":
                return _beside(_said("OK", self._result(method, path, body)))
            case _:
                return _said("OK", self._result(method, path, body))

    def _result(self, method: str, path: str, body: Any) -> Any:
        match method, *path.strip("/").split("/"):
            case "POST", "auth":
                return self._let_in(body)
            case "POST", "refreshToken":
                return self._renew(body)
            case "POST", "countrySearch":
                return list(_countries(body["filters"]))
            case "POST", "citySearch":
                return list(_cities(body["filters"]))
            case "GET", "zipCodeSearch", code:
                return [_city(at) for at, city in enumerate(CITIES) if code in city[5]]
            case "POST", "addressSearch":
                return list(_streets(body["filters"]))
            case "POST", "branchSearch":
                return [_branch(number) for number in BRANCHES if number == body["filters"]["branchNo"]]
            case "POST", "calculate":
                return [self._price(body)]
            case "POST", "parcel":
                return self._make(body)
            case "DELETE", "parcel", parcel_id, contract:
                return self._delete(parcel_id, contract)
            case "GET", "getParcel", number, mode, "objectData":
                return self._tell(number, mode)
            case "GET", "parcelsList", day:
                return [self._listed(one) for one in self.parcels if one.day == day and not one.is_gone]
            case "GET", "tracking", number:
                return self._track(number)
            case "POST", "registerBranch":
                return self._put_on_register(body)
            case "POST", "registerPickup":
                return self._call_courier(body)
            case "DELETE", "registerBranch" | "registerPickup", number:
                return self._drop_register(number)
        raise No("", f"{method} {path}", 404)

    # Who asks

    def _let_in(self, body: Any) -> dict[str, Any]:
        if (body.get("username"), body.get("password")) != (LOGIN, PASSWORD):
            raise No("username", "Невірний логін чи пароль", 401)
        return self._fresh_token()

    def _renew(self, body: Any) -> dict[str, Any]:
        if body.get("refreshToken") not in self.renewals:
            raise No("refreshToken", "Невірний refreshToken", 401)
        self.renewals.discard(body["refreshToken"])
        return self._fresh_token()

    def _fresh_token(self) -> dict[str, Any]:
        token, renewal = uuid4().hex, uuid4().hex
        self.tokens.add(token)
        self.renewals.add(renewal)
        return {"token": token, "refresh_token": renewal, "expiresIn": self.lives_s}

    # Parcels

    def _price(self, body: Any) -> dict[str, Any]:
        for name in ("sender", "receiver"):
            _must_be_there(body[name], name, priced=True)
        places = body.get("placesItems") or []
        if not places or any(place["weight"] <= 0 for place in places):
            raise No("placesItems.weight", "Не вказана вага")
        weight = sum(place["weight"] for place in places)
        abroad = bool(body["receiver"].get("countryID")) and body["receiver"]["countryID"] != an_id(1, 0)
        cost = 60 + weight * 12.5 + (380 if abroad else 0) + float(body.get("COD") or 0) * 0.01
        day = clock.now().astimezone(KYIV) + timedelta(days=9 if abroad else 2)
        return {
            "costServices": f"{cost:.2f}", "possibleDeliveryDates": [],
            **({} if "days" in self.left_out else {"estimatedDeliveryDate": f"{day:%d.%m.%Y}"}),
        }  # fmt: skip

    def _make(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["contractID"] != CONTRACT:
            raise No("contractID", "Договір не знайдено")
        for name in ("sender", "receiver"):
            _must_be_there(body[name], name)
        number = body["parcelNumber"]
        if self.numbers_are_unique and any(
            one.body["parcelNumber"] == number and not one.is_gone for one in self.parcels
        ):
            raise No("parcelNumber", f"Відправлення {number} вже існує")
        ends = {name: {"countryID": body[name].get("countryId", ""), "branchID": body[name]["branchID"],
                       "cityID": _city_of(body[name]), "service": body[name]["service"]}
                for name in ("sender", "receiver")}  # fmt: skip
        price = self._price({**body, **ends})
        parcel = Parcel(str(uuid4()), f"711-{next(self._count)}", body, clock.now(), float(price["costServices"]))
        parcel.events.append(("2", parcel.made_at, "Відправлення створено"))
        self.parcels.append(parcel)
        cost = {} if "price" in self.left_out else {"costServices": parcel.cost}
        return {"parcelID": parcel.parcel_id, "barCode": parcel.bar_code, "AgentID": an_id(9, 1),
                "parcelNumber": number, **cost}  # fmt: skip

    def _delete(self, parcel_id: str, contract: str) -> dict[str, Any]:
        parcel = self._parcel(parcel_id)
        if contract != CONTRACT:
            raise No("contractID", "Договір не знайдено")
        if self._moves(parcel):
            raise No("", "Відправлення вже поступило до перевезення")
        parcel.is_gone = True
        parcel.events.append(("3", clock.now(), "Відправлення видалено"))
        return {}

    def _tell(self, number: str, mode: str) -> dict[str, Any]:
        names = {"parcelNumber": lambda one: one.body["parcelNumber"], "parcelID": lambda one: one.parcel_id,
                 "barCode": lambda one: one.bar_code}  # fmt: skip
        for one in self.parcels:
            if mode in names and names[mode](one) == number and not one.is_gone:
                body = one.body
                return {
                    "parcelNumber": body["parcelNumber"], "notation": body["notation"], "COD": f"{body['COD']:.2f}",
                    "weight": f"{body['weight']:.3f}", "payType": body["payType"], "return": False,
                    "receiver": {"name": body["receiver"]["name"], "phone": body["receiver"]["phone"]},
                }  # fmt: skip
        raise No(mode, "Відправлення не знайдено")

    def _listed(self, parcel: Parcel) -> dict[str, Any]:
        register = self.registers.get(parcel.register_id)
        return {
            "parcelID": parcel.parcel_id, "parcelNumber": parcel.body["parcelNumber"], "вarCode": parcel.bar_code,
            "registerID": parcel.register_id or None, "registerType": register.kind if register else None,
        }  # fmt: skip

    def _parcel(self, parcel_id: str) -> Parcel:
        for one in self.parcels:
            if one.parcel_id == parcel_id and not one.is_gone:
                return one
        raise No("parcelID", "Відправлення не знайдено")

    @staticmethod
    def _moves(parcel: Parcel) -> bool:
        return any(code not in ("2", "3") for code, _, _ in parcel.events)

    def _sticker(self, number: str, params: Mapping[str, str]) -> bytes:
        found = [one for one in self.parcels if number in (one.parcel_id, one.bar_code, one.body["parcelNumber"])]
        if not found or "pdf" in self.left_out or (number != found[0].parcel_id and params.get("agent") != CONTRACT):
            raise No("printValue", "Не знайдено посилку", 404)
        body = found[0].body
        return label_pdf([found[0].bar_code, body["receiver"]["name"], body["notation"]])

    # Registers

    def _put_on_register(self, body: dict[str, Any]) -> dict[str, Any]:
        parcels = [self._named(at, item) for at, item in enumerate(body["parcelsItems"])]
        free = [one for one in parcels if not one.register_id and not self._moves(one)]
        out = [
            f"Відправлення  {one.bar_code} вже у реєстрі, додавання заборонено." for one in parcels if one not in free
        ]
        if not free:
            raise No("parcelsItems", " ".join(out) or "Немає відправлень")
        register = self._open_register("registerBranch", body, free)
        return {"registerID": register.register_id, "registerNumber": f"CO{len(self.registers):09d}",
                "Not_added_to_registry": out}  # fmt: skip

    def _call_courier(self, body: dict[str, Any]) -> dict[str, Any]:
        parcels = [self._named(at, item) for at, item in enumerate(body["parcelsItems"])]
        _must_be_there(body["sender"] | {"service": "Door"}, "sender")
        when = datetime.strptime(body["expectedPickUpDate"]["date"], "%d.%m.%Y").date()
        if when < clock.now().astimezone(KYIV).date():
            raise No("expectedPickUpDate.date", "Дата у минулому")
        if any(one.register_id or self._moves(one) for one in parcels):
            raise No("parcelsItems", "Відправлення вже у реєстрі")
        register = self._open_register("registerPickUP", body, parcels)
        when += timedelta(days=self.pickup_days_later)
        return {"registerID": register.register_id, "registerNumber": "56345235345", "pickUpDate": f"{when:%d.%m.%Y}"}

    def _named(self, at: int, item: Any) -> Parcel:
        try:
            return self._parcel(item["parcelID"])
        except No as no:
            raise No(f"parcelsItems[{at}].parcelID", no.message) from None

    def _open_register(
        self, kind: Literal["registerBranch", "registerPickUP"], body: dict[str, Any], parcels: list[Parcel]
    ) -> Register:
        register = Register(str(uuid4()), kind, body)
        self.registers[register.register_id] = register
        for one in parcels:
            one.register_id = register.register_id
        return register

    def _drop_register(self, number: str) -> dict[str, Any]:
        if self.registers.pop(number, None) is None:
            raise No("registerID", "Реєстр не знайдено")
        for one in self.parcels:
            if one.register_id == number:
                one.register_id = ""
        return {}

    def _register_paper(self, number: str) -> bytes:
        if number not in self.registers:
            raise No("registerID", "Не знайдено реєстр", 404)
        return label_pdf([number, *(one.bar_code for one in self.parcels if one.register_id == number)])

    # Tracking

    def _track(self, number: str) -> list[dict[str, Any]]:
        for one in self.parcels:
            if number in (one.bar_code, one.body["parcelNumber"]):
                told = [_event(one, *event) for event in one.events]
                return [*told[::-1], told[0]]  # in a muddle, and one of them twice
        raise No("trackNumber", "Відправлення не знайдено")

    def move(self, number: str, *codes: str) -> None:
        """Something happens to a parcel, a minute apart."""
        parcel = next(one for one in self.parcels if one.bar_code == number)
        for code in codes:
            parcel.events.append((code, parcel.events[-1][1] + timedelta(minutes=1), f"Подія {code}"))


def _said(status: str, result: Any, field_name: str = "", message: str = "") -> dict[str, Any]:
    info = {"fieldName": field_name, "message": message, "messageDetails": ""}
    return {"status": status, "info": info, "result": result}


def _beside(said: dict[str, Any]) -> dict[str, Any]:
    """Who asks for a token is told what is wrong in the answer itself."""
    return said.pop("info") | said


def _event(parcel: Parcel, code: str, at: datetime, text: str) -> dict[str, Any]:
    return {
        "parcelNumber": parcel.body["parcelNumber"], "barCode": parcel.bar_code,
        "eventDateTime": f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", "eventCode": int(code), "eventCodeUPU": "",
        "eventCountryDescr": {"descrUA": "УКРАЇНА", "descrEN": "UKRAINE"},
        "eventCityDescr": {"descrUA": "Львів", "descrEN": "Lviv"}, "eventDescr": {"descrUA": text, "descrEN": text},
        "eventDetailDescr": {"descrUA": "", "descrEN": ""},
    }  # fmt: skip


# Where things are


def _like(pattern: str, *names: str) -> bool:
    wanted = pattern.replace("%", "*").replace("[", "[[]").casefold()
    return any(fnmatch.fnmatchcase(name.casefold().strip(), wanted) for name in names)


def _countries(filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for at, (code, ua, en) in enumerate(COUNTRIES):
        if _like(filters["countryDescr"], ua, en):
            yield {"countryID": an_id(1, at), "countryDescr": {"descrUA": ua, "descrEN": en}, "alfaCode2": code}


def _city(at: int) -> dict[str, Any]:
    country, ua, en, region, district, _codes = CITIES[at]
    return {
        "cityID": an_id(2, at), "cityDescr": {"descrUA": ua, "descrEN": en}, "districtDescr": {"descrUA": district},
        "regionDescr": {"descrUA": region}, "countryID": an_id(1, [one[0] for one in COUNTRIES].index(country)),
    }  # fmt: skip


def _cities(filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for at, (_country, ua, en, *_rest) in enumerate(CITIES):
        city = _city(at)
        if _like(filters["cityDescr"], ua, en) and city["countryID"] == filters["countryID"]:
            yield city


def _streets(filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for at, (city, ua, en) in enumerate(STREETS):
        if filters["cityID"] == an_id(2, city) and _like(filters["addressDescr"], ua, en):
            yield {"addressID": an_id(3, at), "addressDescr": {"descrUA": ua, "descrEN": en}, "cityID": an_id(2, city)}


def _branch(number: int) -> dict[str, Any]:
    return {"branchID": an_id(4, number), "branchNo": number, "cityID": an_id(2, BRANCHES[number])}


def _city_of(end: Mapping[str, Any]) -> str:
    streets = {an_id(3, at): an_id(2, city) for at, (city, _, _) in enumerate(STREETS)}
    return streets.get(end.get("addressID", ""), "")


def _must_be_there(end: Mapping[str, Any], name: str, priced: bool = False) -> None:
    """A branch that there is; a street and a building, or abroad an address in words; a city where a price is asked."""
    if end["service"] == "Branch":
        if end["branchID"] not in {an_id(4, number) for number in BRANCHES}:
            raise No(f"{name}.branchID", "Підрозділ не знайдено")
        return
    country = end.get("countryId") or end.get("countryID")
    if priced:
        known = end.get("cityID") in {an_id(2, at) for at in range(len(CITIES))}
        if not known and country in (None, "", an_id(1, 0)):
            raise No(f"{name}.cityID", "Населений пункт не знайдено")
        return
    abroad = name == "receiver" and country not in (None, "", an_id(1, 0))
    if abroad and end.get("cityDescr") and end.get("addressDescr"):
        return
    if not _city_of(end):
        raise No(f"{name}.addressID", "Адресу не знайдено")
    if not end["building"]:
        raise No(f"{name}.building", "Не вказано будинок")


class FakeApp(App):
    """Meest behind the simulated world's door: its faults and its manner of cutting connections."""

    def __init__(self, meest: Meest) -> None:
        super().__init__(cast(World, meest))
        self.meest = meest
        self.slow_ones, self.is_hurried = 0, False

    async def _strike_before(self, fault: Rule, scope: Scope, send: Send) -> bool:
        """What is slow is so until it is hurried, at the latest for as long as it is told."""
        if fault.kind != "slow":
            return await super()._strike_before(fault, scope, send)
        self.slow_ones += 1
        until = time.monotonic() + fault.seconds
        while not self.is_hurried and time.monotonic() < until:
            await asyncio.sleep(0.01)
        return False

    def _act(self, scope: Scope, body: Any) -> Answer:
        params = dict(one.split("=", 1) for one in scope["query_string"].decode().split("&") if "=" in one)
        path = scope["raw_path"].decode() if "%2F" in scope["raw_path"].decode().upper() else scope["path"]
        return self.meest.handle(scope["method"], path, body, _header(scope, b"token"), params)


class Latest:
    """Who answers is whoever is there when a request comes; the door stays open meanwhile."""

    def __init__(self, of: FakeMeest) -> None:
        self.of = of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.of._app(scope, receive, send)


class FakeMeest:
    """A running one. `with FakeMeest() as fake: fake.url …`"""

    def __init__(self, port: int = 0) -> None:
        self.begin_anew()
        self._server = server_of(cast(App, Latest(self)))
        listening = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}{BASE}"
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    def begin_anew(self) -> None:
        """Nothing was ever sold; what is still under way ends in the memory that it began in."""
        self.meest = Meest()
        self._app = FakeApp(self.meest)

    # Its controls, as the contract turns them

    def strike(self, fault: Kind, act: Act, *, times: int | None = 1, seconds: float = 3.0) -> None:
        self._app.faults.use(FaultPlan(rules=(Rule(kind=fault, times=times, seconds=seconds, **PATHS[act]),)))

    def strike_path(self, fault: Kind, path: str, *, times: int | None = 1, seconds: float = 3.0) -> None:
        self._app.faults.use(FaultPlan(rules=(Rule(kind=fault, times=times, seconds=seconds, path=BASE + path),)))

    async def is_at_it(self) -> None:
        """What is slow has come here."""
        async with asyncio.timeout(60):
            while not self._app.slow_ones:
                await asyncio.sleep(0.01)

    def hurry(self) -> None:
        """What is slow is done now."""
        self._app.is_hurried = True

    def leave_out(self, *parts: Part) -> None:
        self.meest.left_out = parts

    def calm(self) -> None:
        self._app.faults.use(FaultPlan())
        self.meest.left_out = ()

    def count(self, what: Literal["labels", "manifests", "pickups"]) -> int:
        if what == "labels":
            return sum(not one.is_gone for one in self.meest.parcels)
        kind = "registerBranch" if what == "manifests" else "registerPickUP"
        return sum(one.kind == kind for one in self.meest.registers.values())

    def asked(self, path: str) -> list[Any]:
        """The bodies of the requests to that path."""
        return [body for _, told, body in self.meest.requests if told == path]

    def end(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    def __enter__(self) -> FakeMeest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


if __name__ == "__main__":  # python -m plugins.meest.tests.fake_meest 8930
    running = FakeMeest(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(f"{running.url}  username {LOGIN}, password {PASSWORD}, contract_id {CONTRACT}", flush=True)
    threading.Event().wait()
