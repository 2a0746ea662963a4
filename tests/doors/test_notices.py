"""Notices at every door: rules and words by API, console and command line; a buyer who wants no more of them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from doorstep.doors.worker.outside import world_of
from doorstep.kit.embedded import Urls
from doorstep.kit.home import home
from doorstep.plug.notifier import TwilioSettings
from doorstep.plug.notifier.sms import signature
from doorstep.plug.simulator.process import Outside
from doorstep.plug.simulator.sms import LOST
from doorstep.setup.notices.rules import notice_rules, set_rule
from doorstep.setup.receipts import receipts
from doorstep.setup.tracking_links import tracking_links
from doorstep.spine.tenant import tenant_tx
from tests.doors.command_line import Cli
from tests.doors.test_console import visiting
from tests.doors.web import Client, client_of
from tests.shop import HOME, Shop

HTML = "text/html; charset=utf-8"


@pytest.fixture
async def buyer(web: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=web, timeout=120, trust_env=False, verify=False, headers={"accept-language": "en"}
    ) as http:
        yield http
        assert not http.cookies, "a buyer got a cookie"


async def stops(shop: Shop) -> list[tuple[str, str, int]]:
    rows = await shop.rows(
        "select medium, address, order_id from notice_stop where merchant_id = $1 order by 1, 3", shop.merchant
    )
    return [(row["medium"], row["address"], row["order_id"]) for row in rows]


def link(shop: Shop, order: str) -> str:
    return f"/t/{tracking_links().token(shop.merchant, int(order[4:]))}/stop"


# By the API


async def test_rules_addresses_and_quiet_hours_are_set_and_read(api: Client) -> None:
    before = (await api.get("/v1/notices/rules")).json()
    assert before["quiet"]["sms"] == {"begins": "21:00", "ends": "08:00"} and before["quiet"]["email"] is None
    body = {"kind": "shipped", "medium": "sms", "on": True}
    assert (await api.put("/v1/notices/rules", body)).status_code == 200
    hours = {"medium": "sms", "begins": "22:30", "ends": "07:00"}
    assert (await api.put("/v1/notices/quiet", hours)).status_code == 200
    to = {"office": "desk@mugs.example", "webhook": "https://mugs.example/in"}
    assert (await api.put("/v1/notices/addresses", to)).json()["secret"].startswith("whsec_")
    assert (await api.put("/v1/notices/addresses", to)).json() == {"secret": ""}  # the same address keeps its own
    now = (await api.get("/v1/notices/rules")).json()
    assert [rule["on"] for rule in now["rules"] if (rule["kind"], rule["medium"]) == ("shipped", "sms")] == [True]
    assert now["quiet"]["sms"] == {"begins": "22:30", "ends": "07:00"}
    assert (now["office"], now["webhook"], now["has_secret"]) == (to["office"], to["webhook"], True)
    assert "whsec_" not in json.dumps(now)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("rules", {"kind": "sold", "medium": "email", "on": True}, "NoSuchRule"),
        ("rules", {"kind": "shipped", "medium": "pigeon", "on": True}, "NoSuchRule"),
        ("quiet", {"medium": "sms", "begins": "nine", "ends": "08:00"}, "Invalid"),
        ("addresses", {"office": "nobody"}, "Invalid"),
        ("words", {"kind": "shipped", "language": "en", "subject": "{x}"}, "UnknownPlaceholder"),
        ("words", {"kind": "shipped", "language": "xx", "subject": "x"}, "NoSuchNotice"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(api: Client, path: str, body: dict[str, object], code: str) -> None:
    answer = await api.put(f"/v1/notices/{path}", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_own_words_are_previewed_kept_and_taken_back(api: Client) -> None:
    own = {"kind": "shipped", "language": "uk", "subject": "Вже їде: {order_number}", "lead": "<i>{carrier}</i>"}
    seen = (await api.post("/v1/notices/preview", own)).json()
    assert seen["subject"] == "Вже їде: M-1001" and "&lt;i&gt;Meest&lt;/i&gt;" in seen["html"]
    assert seen["sms"].startswith("Mugs & Co: Вже їде: M-1001.")

    async def subject() -> str:
        found = (await api.get("/v1/notices/words")).json()["notices"]
        return next(str(one["subject"]) for one in found if (one["kind"], one["language"]) == ("shipped", "uk"))

    before = await subject()
    assert (await api.put("/v1/notices/words", own)).status_code == 200
    assert await subject() == "Вже їде: M-1001"
    assert (await api.delete("/v1/notices/words", kind="shipped", language="uk")).status_code == 200
    assert await subject() == before != "Вже їде: M-1001"


# In the console


async def test_the_matrix_is_kept_as_it_is_ticked(shop: Shop, web: str) -> None:
    async with visiting(shop, web, "merchant") as somebody:
        page = await somebody.html("/settings/notices")
        assert 'name="shipped/email" value="yes" checked' in page and 'name="shipped/sms" value="yes">' in page
        form = {"shipped/sms": "yes", "office": "desk@mugs.example", "webhook": "https://mugs.example/in",
                "sms/begins": "23:00", "sms/ends": "06:00"}  # fmt: skip
        answer = await somebody.post("/settings/notices", **form)
        assert answer.status_code == 200 and "whsec_" in answer.text
        page = await somebody.html("/settings/notices")
        assert "whsec_" not in page and 'value="23:00"' in page
        wrong = await somebody.post("/settings/notices", **{**form, "office": "nobody"})
        assert wrong.status_code == 422 and "must be an e-mail address" in wrong.text
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        now = await notice_rules(tx, shop.merchant)
    assert [(rule.kind, rule.medium) for rule in now.rules if rule.on] == [("shipped", "sms")]


async def test_a_letter_is_seen_as_its_buyer_sees_it_before_it_is_kept(shop: Shop, web: str) -> None:
    async with visiting(shop, web) as somebody:
        seen = await somebody.get("/settings/notices/shipped/sample", language="en", headline="<b>{shop}</b> on wheels")
        assert "&lt;b&gt;Mugs &amp; Co&lt;/b&gt; on wheels" in seen.text
        policy = seen.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy and "sandbox" in policy
        assert "On wheels" in await somebody.html(
            "/settings/notices/shipped?language=en&subject=On+wheels&sms=On+wheels"
        )
        assert (await somebody.get("/settings/notices/nothing")).status_code == 404
        own = {"language": "en", "subject": "On wheels: {order_number}"}
        assert (await somebody.post("/settings/notices/shipped", do="keep", **own)).status_code == 303
        assert "On wheels: {order_number}" in await somebody.html("/settings/notices/shipped?language=en")
        no = await somebody.post("/settings/notices/shipped", do="keep", language="en", subject="{price}")
        assert no.status_code == 422 and "price" in no.text and "Nothing is filled in for this name" in no.text
        assert (await somebody.post("/settings/notices/shipped", do="reset", language="en")).status_code == 303
        assert "On wheels" not in await somebody.html("/settings/notices/shipped?language=en")


async def test_a_sample_is_sent_by_letter_and_by_text_message(shop: Shop, web: str) -> None:
    with Outside("--speed", "0") as outside:
        await shop.connect("sms", "twilio", "texts", account_sid="AC1", auth_token="x", sender="+15005550100",
                           base_url=f"{outside.url}/sms")  # fmt: skip
        async with visiting(shop, web) as somebody:
            nowhere = await somebody.post("/settings/notices/shipped", do="test", language="en", to="me@example.com")
            assert nowhere.status_code == 409 and "no address that letters come from" in nowhere.text
            async with tenant_tx(shop.db, [shop.merchant]) as tx:
                await tx.run("update merchant set email = 'hi@mugs.example' where merchant_id = $1", shop.merchant)
            for to, did in (("me@example.com", "email"), ("+380 44 123 45 67", "sms")):
                sent = await somebody.post("/settings/notices/shipped", do="test", language="en", to=to)
                assert sent.status_code == 303 and sent.headers["location"].endswith(f"did={did}")
            no = await somebody.post("/settings/notices/shipped", do="test", language="en", to="call me")
            assert no.status_code == 502
        assert outside.state()["sms"]["messages"] == 1
        assert "Mugs & Co: Your order M-1001 is on its way" in outside.state()["sms"]["last"][0]


async def test_a_gateway_tells_later_how_each_text_ended(shop: Shop, web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real gateway's way: its own signature, the end twice, steps before it."""
    monkeypatch.setenv("DOORSTEP_URL", web)
    shop.at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    with Outside("--speed", "0") as outside:
        await shop.connect("sms", "twilio", "texts", account_sid="AC1", auth_token="x",
                           sender="+15005550100", base_url=f"{outside.url}/sms")  # fmt: skip
        async with tenant_tx(shop.db, [shop.merchant]) as tx:
            await set_rule(tx, shop.merchant, "received", "sms", on=True)
        lost = await shop.place(("MUG", 1), ship_to={**HOME, "phone": LOST})
        came = await shop.place(("MUG", 1), ship_to={**HOME, "name": "Bo", "phone": "+353 1 555 0144"})
        await shop.work("notify", world=world_of(shop.db, home(), {"DOORSTEP_URL": web}))
        api = await client_of(shop, web)

        async def ended(order: str) -> list[tuple[str, str, bool]]:
            found = (await api.get(f"/v1/orders/{order}/cases")).json()["notices"]
            return [(one["state"], one["why"], one["came_at"] is not None) for one in found if one["medium"] == "sms"]

        deadline = time.monotonic() + 90
        while await ended(came) != [("sent", "", True)] or (await ended(lost))[0][0] != "failed":
            assert time.monotonic() < deadline, (await ended(came), await ended(lost))
            await asyncio.sleep(0.05)
    assert await ended(lost) == [("failed", "the gateway says undelivered (30003)", False)]
    assert (await shop.timeline(lost)).count("keep_receipt") == 1
    async with visiting(shop, web) as somebody:
        page = await somebody.html(f"/orders/{lost}")
        assert "the gateway says undelivered (30003)" in page and "Text message to the buyer: could not be sent" in page
        assert "The text message is on the buyer&#39;s phone" in await somebody.html(f"/orders/{came}")


async def test_what_the_gateway_did_not_sign_is_not_heard(
    shop: Shop, web: str, buyer: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOORSTEP_URL", web)
    order = await shop.place(("MUG", 1))
    letter = f"{order}/received/sms"
    await shop.do("keep_notice", order=order, letter=letter, kind="received", medium="sms", address="+353155550143")
    link, form = receipts().url(shop.merchant, letter), {"MessageStatus": "failed"}

    async def post(url: str, token: str = "x") -> tuple[int, str]:
        of = TwilioSettings(account_sid="AC1", auth_token=token, sender="MG1")
        answer = await buyer.post(url, data=form, headers={"x-twilio-signature": signature(of, url, form).decode()})
        return answer.status_code, answer.json()["code"] if answer.content else ""

    assert await post(link) == (404, "NotFound")  # the shop has no gateway
    await shop.connect("sms", "twilio", "texts", account_sid="AC1", auth_token="x", sender="MG1")
    assert await post(link, "another token") == (401, "NotTheGateway")
    for forged in (link[:-3] + "AAA", f"{web}/receipts/nobody", f"{web}/receipts/%D1%96"):
        assert await post(forged) == (404, "NotFound"), forged
    assert (await buyer.post(link, content=b"a" * 50_000)).status_code == 401
    (row,) = await shop.rows("select state from notice where merchant_id = $1", shop.merchant)
    assert row["state"] == "sent"
    assert await post(link) == (204, "")
    (row,) = await shop.rows("select state from notice where merchant_id = $1", shop.merchant)
    assert row["state"] == "failed"


async def test_the_order_page_tells_what_was_told_and_what_was_not(shop: Shop, web: str) -> None:
    order = await shop.place(("MUG", 1))
    await shop.do("keep_notice", order=order, letter="a", kind="received", subject="We have it", address="a@x.example")
    await shop.do("keep_notice", order=order, letter="b", kind="shipped", subject="On its way", medium="sms",
                  state="dropped", why="stopped")  # fmt: skip
    async with visiting(shop, web) as somebody:
        page = await somebody.html(f"/orders/{order}")
    for said in ("We have it", "a@x.example", "Text message to the buyer", "The buyer wants no more of these.",
                 "The buyer got a letter"):  # fmt: skip
        assert said in page, said


# Whoever wants no more


async def test_one_click_of_a_mail_program_ends_the_letters_of_steps(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order = await shop.place(("MUG", 1))
    for files, data in (({"List-Unsubscribe": (None, "One-Click")}, None), (None, {"List-Unsubscribe": "One-Click"})):
        answer = await buyer.post(link(shop, order), files=files, data=data)
        assert (answer.status_code, answer.text) == (200, "")
        assert await stops(shop) == [("email", "ada@example.com", 0)]
    # Looking at the page ends nothing.
    other = await shop.place(("MUG", 1), buyer={"name": "Bob", "email": "bob@example.com"})
    assert (await buyer.get(link(shop, other))).status_code == 200
    assert len(await stops(shop)) == 1


async def test_a_buyer_ends_and_begins_again_what_they_are_sent(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order = await shop.place(("MUG", 1))
    page = (await buyer.get(link(shop, order))).text
    assert "ada@example.com" in page and "+35315550143" in page and "No more of this order" in page
    gone = await buyer.post(link(shop, order), data={"medium": "sms", "scope": "order"})
    assert gone.status_code == 303 and gone.headers["location"].endswith("/stop?told=1")
    assert await stops(shop) == [("sms", "+35315550143", int(order[4:]))]
    assert "Send them again" in (await buyer.get(link(shop, order))).text
    await buyer.post(link(shop, order), data={"medium": "sms", "do": "go_on"})
    assert await stops(shop) == []
    assert "Більше про це замовлення" in (await buyer.get(f"{link(shop, order)}?lang=uk")).text


async def test_a_link_that_nobody_signed_ends_nothing(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order = await shop.place(("MUG", 1))
    forged = link(shop, order).replace("/t/", "/t/A")
    assert (await buyer.get(forged)).status_code == 404
    assert (await buyer.post(forged, data={"List-Unsubscribe": "One-Click"})).status_code == 404
    assert await stops(shop) == []


async def test_where_nobody_can_tell_whether_a_text_came_its_account_says_so(
    shop: Shop, web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOORSTEP_URL", raising=False)
    async with visiting(shop, web, "operator") as operator:
        address = f"/settings/accounts/{shop.key}/twilio"
        assert "each counts as sent" in await operator.html(address)
        assert "counts as sent" not in await operator.html(f"/settings/accounts/{shop.key}/simcarrier")
        monkeypatch.setenv("DOORSTEP_URL", "https://oms.example.com")
        assert "counts as sent" not in await operator.html(address)


# By the command line


def test_who_connects_a_gateway_is_told_what_its_receipts_need(own_urls: Urls, tmp_path: Path) -> None:
    cli = Cli(tmp_path, own_urls)
    cli.says("merchant", "add", "mugs", "--name", "Mugs", "--currency", "USD", "--country", "US")
    settings = json.dumps({"account_sid": "AC1", "auth_token": "t", "sender": "+12015550100"})
    connect = ("connect", "sms", "texts", "--settings", settings)
    done = cli.run(*connect, DOORSTEP_URL="")
    assert done.returncode == 0 and "DOORSTEP_URL is not set here" in done.stdout
    assert "DOORSTEP_URL" not in cli.run(*connect, DOORSTEP_URL="https://oms.example.com").stdout


def test_the_command_line_sets_shows_and_says(own_urls: Urls, tmp_path: Path) -> None:
    cli = Cli(tmp_path, own_urls)
    cli.says("merchant", "add", "mugs", "--name", "Mugs", "--currency", "USD", "--country", "US")

    def ask(*words: str) -> dict[str, object]:
        found: dict[str, object] = cli.json("notices", *words)
        return found

    ask("on", "shipped", "sms")
    ask("off", "received", "email")
    ask("quiet", "sms", "--from", "22:00", "--to", "09:00")
    assert str(ask("addresses", "--webhook", "https://mugs.example/in")["secret"]).startswith("whsec_")
    shown = cli.says("notices", "rules")
    assert "sms 22:00–09:00" in shown and "https://mugs.example/in" in shown
    rules = {(rule["kind"], rule["medium"]): rule["on"] for rule in ask("rules")["rules"]}  # type: ignore[attr-defined]
    assert rules["shipped", "sms"] and not rules["received", "email"]
    ask("say", "shipped", "--subject", "On wheels: {order_number}")
    assert ask("preview", "shipped")["subject"] == "On wheels: M-1001"
    assert ask("reset", "shipped")["reset"] is True
    assert "price" in cli.refused("notices", "say", "shipped", "--subject", "{price}")
