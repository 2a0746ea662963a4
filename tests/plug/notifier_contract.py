"""The contract of a notifier: letters, text messages and posts to a merchant's program all pass this suite.

Subclass `NotifierContract` and give it a `rig` fixture.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

from doorstep.kit import clock
from doorstep.plug.notifier import Delivered, Gone, Notifier, Outcome, RetryAt, known

LONG_AGO = timedelta(minutes=10)


class Rig(Protocol):
    """A notifier and the other side of it. `reached` is what whoever it is for sees, in the order it came."""

    notifier: Notifier
    secret: str

    def message(self, key: str) -> Any: ...

    def to_nobody(self, key: str) -> Any:
        """One that the other side says a clear no to."""

    def reached(self) -> list[str]:
        """Keys of what has arrived; the same twice where whoever it is for would see it twice."""

    def lose_the_answer(self) -> None:
        """The next one is taken, and nobody says so."""

    def fail(self) -> None:
        """The next one is not taken, and the other side is in trouble."""

    def nonsense(self) -> None:
        """The next answer cannot be read, or is no answer at all; whether it was taken is anybody's guess."""


async def _send_again(rig: Rig, message: Any) -> Outcome:
    """As `notify` does with what was tried before."""
    found = await known(rig.notifier, message, clock.now() - LONG_AGO)
    if found is not None:
        return found
    (outcome,) = await rig.notifier.send([message])
    return outcome


class NotifierContract:
    async def test_each_message_gets_its_outcome_and_arrives_once(self, rig: Rig) -> None:
        outcomes = await rig.notifier.send([rig.message(key) for key in ("one", "two", "three")])
        assert [type(outcome) for outcome in outcomes] == [Delivered] * 3
        assert rig.reached() == ["one", "two", "three"]

    async def test_a_clear_no_ends_it_and_nobody_hears_anything(self, rig: Rig) -> None:
        (outcome,) = await rig.notifier.send([rig.to_nobody("one")])
        assert isinstance(outcome, Gone) and outcome.reason
        assert rig.reached() == []

    async def test_a_no_to_one_is_no_no_to_the_others(self, rig: Rig) -> None:
        outcomes = await rig.notifier.send([rig.message("one"), rig.to_nobody("two"), rig.message("three")])
        assert [type(outcome) for outcome in outcomes] == [Delivered, Gone, Delivered]
        assert rig.reached() == ["one", "three"]

    async def test_trouble_on_the_other_side_is_tried_again(self, rig: Rig) -> None:
        rig.fail()
        (outcome,) = await rig.notifier.send([rig.message("one")])
        assert isinstance(outcome, RetryAt) and outcome.reason and outcome.at > clock.now()
        assert isinstance(await _send_again(rig, rig.message("one")), Delivered)
        assert rig.reached() == ["one"]

    async def test_what_was_taken_without_an_answer_arrives_once_however_often_it_is_tried(self, rig: Rig) -> None:
        rig.lose_the_answer()
        (outcome,) = await rig.notifier.send([rig.message("one")])
        assert isinstance(outcome, RetryAt)
        for _ in range(3):
            assert isinstance(await _send_again(rig, rig.message("one")), Delivered)
        assert rig.reached() == ["one"]

    async def test_an_answer_that_makes_no_sense_is_no_answer(self, rig: Rig) -> None:
        rig.nonsense()
        (outcome,) = await rig.notifier.send([rig.message("one")])
        assert isinstance(outcome, RetryAt)
        assert isinstance(await _send_again(rig, rig.message("one")), Delivered)
        assert rig.reached() == ["one"]

    async def test_two_facts_that_read_alike_are_two_messages(self, rig: Rig) -> None:
        await rig.notifier.send([rig.message("one")])
        await rig.notifier.send([rig.message("two")])
        assert rig.reached() == ["one", "two"]

    async def test_it_never_shows_its_secret(self, rig: Rig) -> None:
        rig.fail()
        outcomes = await rig.notifier.send([rig.message("one"), rig.to_nobody("two")])
        assert rig.secret and rig.secret not in f"{rig.notifier!r} {outcomes!r}"
