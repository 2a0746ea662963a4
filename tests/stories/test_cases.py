"""Contact cases: a buyer says that something is wrong, somebody sees it, answers, and it is settled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from doorstep.doors.reads.cases import Case, Cases, cases
from doorstep.doors.reads.exceptions import ExceptionQuery, exceptions
from doorstep.doors.resolving import Resolution, resolve
from doorstep.journey.tracking.answer_case import MOST_WAITING, EnoughSaid
from doorstep.journey.tracking.cases import Kind
from doorstep.journey.tracking.close_case import CaseClosed
from doorstep.journey.tracking.open_case import MOST_OPEN, TooManyCases
from doorstep.kit.refusals import Invalid, NotFound, Refusal
from doorstep.plug.notifier import Delivered, Letter, Outcome
from doorstep.setup.branding import keep_brand
from doorstep.setup.notices.rules import set_rule
from doorstep.spine.exceptions import MEANS, NEXT_ACTION
from doorstep.spine.outcome import BUYER, Actor, Ask
from doorstep.spine.runner import Answer, run
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.verbs import VERBS
from doorstep.spine.world import World
from tests.shop import Shop, read_plain

DANA = Actor("person:dana@example.com", frozenset({"operator"}))


class Post:
    def __init__(self) -> None:
        self.letters: list[Letter] = []

    async def send(self, letters: list[Letter]) -> list[Outcome]:
        self.letters += letters
        return [Delivered() for _ in letters]


async def nobody(*_: Any) -> Any:
    raise AssertionError("nobody outside is asked")


def world_of(shop: Shop, post: Post) -> World:
    return World(
        shop.db, nobody, nobody, post, now=lambda: shop.at, tracking_link=lambda _m, o: f"https://t.example/{o}"
    )


async def said(shop: Shop, verb: str, who: Actor, **body: Any) -> Answer:
    asked = Ask(shop.merchant, msgspec.convert(body, VERBS[verb].body), shop.at, who)
    (answer,) = await run(shop.db, verb, [asked])
    return answer


async def of(shop: Shop, order: str) -> Cases:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return await cases(tx, shop.merchant, order)


async def the_case(shop: Shop, order: str) -> Case:
    (found,) = (await of(shop, order)).cases
    return found


async def inbox(shop: Shop) -> list[tuple[str, str]]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        page = await exceptions(tx, shop.merchant, ExceptionQuery())
    return [(row.kind, row.reason) for row in page.exceptions]


@pytest.fixture
async def order(shop: Shop) -> str:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run("update merchant set email = 'hello@mugs.example' where merchant_id = $1", shop.merchant)
        await set_rule(tx, shop.merchant, "backordered", "email", on=False)
    return await shop.place(("MUG", 1), number="#1001", payment_term="on_account")


async def test_what_a_buyer_says_is_wrong_is_somebodys_to_look_at(shop: Shop, order: str) -> None:
    answer = await said(shop, "open_case", BUYER, order=order, kind="damaged", text="The handle is off")
    assert not isinstance(answer, Refusal) and answer["case"].startswith("cas_")
    assert ("case_damaged", "The handle is off") in await inbox(shop)
    found = await the_case(shop, order)
    assert (found.id, found.kind, found.closed_at) == (answer["case"], "damaged", None)
    assert [(m.by_buyer, m.text) for m in found.messages] == [(True, "The handle is off")]
    assert (await shop.timeline(order))[-1] == "open_case"


def test_every_kind_of_case_has_its_meaning_and_its_next_action() -> None:
    for kind in Kind.__args__:  # type: ignore[attr-defined]
        assert f"case_{kind}" in MEANS and f"case_{kind}" in NEXT_ACTION


async def test_an_answer_goes_to_the_buyer_as_a_letter_once(shop: Shop, order: str) -> None:
    post = Post()
    case = (await shop.do("open_case", order=order, kind="other", text="When?", email="b@example.com"))["case"]
    await shop.work("notify", world=world_of(shop, Post()))
    shop.at += timedelta(minutes=5)
    await said(shop, "answer_case", DANA, case=case, text="Tomorrow.\nPromised.")
    for _ in range(2):
        await shop.work("notify", world=world_of(shop, post))
    (letter,) = post.letters
    assert letter.message["To"] == "Ada Byrne <b@example.com>"
    assert letter.message["Subject"] == "About your order #1001"
    plain = read_plain(letter)
    assert "Tomorrow.\nPromised." in plain and f"https://t.example/{order[4:]}" in plain
    assert [notice.kind for notice in (await of(shop, order)).notices] == ["received", "answer"]
    found = await the_case(shop, order)
    assert [m.by_buyer for m in found.messages] == [True, False] and found.closed_at is None


@pytest.mark.parametrize(
    ("support", "reply_to"),
    [("help@mugs.example", "help@mugs.example"), ("call us @ 5", "hello@mugs.example"), ("", "hello@mugs.example")],
)
async def test_a_letter_says_where_an_answer_to_it_goes(shop: Shop, order: str, support: str, reply_to: str) -> None:
    post = Post()
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await keep_brand(tx, shop.merchant, name="Cups & Sons", accent="#b3451c", support=support, note="Hamburg")
    await shop.work("notify", world=world_of(shop, post))
    (letter,) = post.letters
    assert letter.message["Reply-To"] == reply_to
    assert "Cups & Sons" in letter.message["From"] and "Hamburg" in read_plain(letter)


async def test_the_same_letter_is_never_sent_twice(shop: Shop, order: str) -> None:
    post = Post()
    job = next(body for verb, body in await shop.jobs() if verb == "notify")
    await shop.work("notify", world=world_of(shop, post))
    async with tenant_tx(shop.db, [shop.merchant]) as tx:  # a worker that died after it had sent it
        await tx.run(
            "insert into job (merchant_id, job_id, verb, body, due_at) values ($1, 1, 'notify', $2::jsonb, $3)",
            shop.merchant, msgspec.json.encode(job).decode(), shop.at,
        )  # fmt: skip
    await shop.work("notify", world=world_of(shop, post))
    assert len(post.letters) == 1
    assert (await shop.timeline(order)).count("keep_notice") == 1
    (notice,) = (await of(shop, order)).notices
    await shop.do("keep_notice", order=order, letter=post.letters[0].key, kind="received", subject="again")
    assert (await of(shop, order)).notices == [notice]


async def test_a_case_is_closed_with_the_answer_and_the_buyers_next_word_opens_it_again(shop: Shop, order: str) -> None:
    case = (await shop.do("open_case", order=order, kind="missing_item", text="One is missing"))["case"]
    shop.at += timedelta(minutes=5)
    await said(shop, "answer_case", DANA, case=case, text="It is sent", close=True)
    found = await the_case(shop, order)
    assert found.closed_by == DANA.name and "case_missing_item" not in dict(await inbox(shop))
    assert (await shop.timeline(order))[-2:] == ["answer_case", "close_case"]
    shop.at += timedelta(minutes=5)
    await said(shop, "answer_case", BUYER, case=case, text="Still nothing")
    assert (await the_case(shop, order)).closed_at is None
    assert "case_missing_item" in dict(await inbox(shop))
    await shop.do("close_case", case=case, note="sent again")
    assert (await the_case(shop, order)).closed_at == shop.at


async def test_a_closed_case_is_not_closed_again(shop: Shop, order: str) -> None:
    case = (await shop.do("open_case", order=order, kind="other", text="x"))["case"]
    await shop.do("close_case", case=case)
    await shop.refuses("close_case", CaseClosed, case=case)


async def test_who_resolves_it_in_the_inbox_has_closed_the_case(shop: Shop, order: str) -> None:
    case = (await shop.do("open_case", order=order, kind="other", text="x"))["case"]
    await resolve(shop.db, shop.merchant, [case.replace("cas_", "att_")], Resolution(DANA, shop.at))
    assert (await the_case(shop, order)).closed_by == DANA.name
    await shop.refuses("close_case", CaseClosed, case=case)


async def test_nobody_opens_cases_without_end(shop: Shop, order: str) -> None:
    for nth in range(MOST_OPEN):
        await shop.do("open_case", order=order, kind="other", text=f"x{nth}")
    await shop.refuses("open_case", TooManyCases, order=order, kind="other", text="more")
    await shop.do("close_case", case=(await of(shop, order)).cases[0].id)
    await shop.do("open_case", order=order, kind="other", text="more")


async def test_a_buyer_waits_for_an_answer_before_they_write_on_and_on(shop: Shop, order: str) -> None:
    case = (await shop.do("open_case", order=order, kind="other", text="1"))["case"]
    for _ in range(MOST_WAITING - 1):
        shop.at += timedelta(seconds=1)
        assert not isinstance(await said(shop, "answer_case", BUYER, case=case, text="more"), Refusal)
    before = await shop.books()
    assert isinstance(await said(shop, "answer_case", BUYER, case=case, text="more"), EnoughSaid)
    assert await shop.books() == before
    await said(shop, "answer_case", DANA, case=case, text="Here we are")
    shop.at += timedelta(seconds=1)
    assert not isinstance(await said(shop, "answer_case", BUYER, case=case, text="Thanks"), Refusal)


@pytest.mark.parametrize(
    "wrong", [{"text": " \n "}, {"email": "nobody"}, {"email": "a@b.c, d@e.f"}, {"email": "a@b\n.c"}]
)
async def test_a_case_says_something_and_names_one_mailbox(shop: Shop, order: str, wrong: dict[str, str]) -> None:
    await shop.refuses("open_case", Invalid, **{"order": order, "kind": "other", "text": "x"} | wrong)


async def test_an_empty_answer_is_none(shop: Shop, order: str) -> None:
    case = (await shop.do("open_case", order=order, kind="other", text="x"))["case"]
    await shop.refuses("answer_case", Invalid, case=case, text="  ")


async def test_another_merchants_case_is_not_there(shop: Shop, other_shop: Shop, order: str) -> None:
    case = (await shop.do("open_case", order=order, kind="other", text="x"))["case"]
    await other_shop.refuses("open_case", NotFound, order=order, kind="other", text="x")
    await other_shop.refuses("answer_case", NotFound, case=case, text="x")
    await other_shop.refuses("close_case", NotFound, case=case)
    with pytest.raises(NotFound):
        await of(other_shop, order)


async def test_two_answers_at_once_both_stand(shop: Shop, order: str) -> None:
    case = (await shop.do("open_case", order=order, kind="other", text="x"))["case"]
    answers = await shop.ask_all("answer_case", [{"case": case, "text": text} for text in ("a", "b")])
    assert not any(isinstance(answer, Refusal) for answer in answers)
    assert len((await the_case(shop, order)).messages) == 3
