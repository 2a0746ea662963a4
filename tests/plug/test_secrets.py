"""Secrets are sealed, bound to where they belong, and move to a new key without being told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.kit.secrets import ENV, FILE, BadKey, KeyIsGone, Keyring, NotOpened, add_key, keyring, new_key

HERE = "merchant:7/carrier:meest/password"
RING = Keyring([b"k" * 32])


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_what_was_sealed_opens_in_its_place_and_nowhere_else(secret: str, context: str) -> None:
    sealed = RING.seal(secret, context)
    assert RING.open(sealed, context) == secret
    with pytest.raises(NotOpened):
        RING.open(sealed, context + "!")


def test_the_sealed_text_tells_nothing_and_is_never_the_same_twice() -> None:
    one, two = RING.seal("s3cret", HERE), RING.seal("s3cret", HERE)
    assert one != two
    assert "s3cret" not in one


def test_a_changed_letter_is_noticed() -> None:
    sealed = RING.seal("s3cret", HERE)
    for place in range(len(sealed)):
        other = "A" if sealed[place] != "A" else "B"
        changed = sealed[:place] + other + sealed[place + 1 :]
        try:
            opened = RING.open(changed, HERE)
        except NotOpened:
            continue
        # The last base64 letter of a part may hold bits that stand for nothing.
        assert opened == "s3cret" and (place + 1 == len(sealed) or sealed[place + 1] == ".")


def test_a_new_key_opens_the_old_and_rotation_leaves_the_old_key_behind(tmp_path: Path) -> None:
    old = keyring(tmp_path, env={})
    sealed = old.seal("s3cret", HERE)
    fresh_id = add_key(tmp_path)
    both = keyring(tmp_path, env={})
    assert both.current == fresh_id != old.current
    assert both.open(sealed, HERE) == "s3cret"
    rotated = both.rotate(sealed, HERE)
    assert rotated.split(".")[1] == fresh_id
    assert rotated.split(".")[3] == sealed.split(".")[3]  # only the data key was sealed anew
    assert both.rotate(rotated, HERE) == rotated
    assert both.open(rotated, HERE) == "s3cret"
    assert old.open(rotated, HERE) == "s3cret"  # who had the keys before reads them again
    with pytest.raises(KeyIsGone):
        keyring(tmp_path / "another", env={}).open(rotated, HERE)
    with pytest.raises(NotOpened):
        both.rotate(sealed, "elsewhere")


def test_the_homes_key_is_made_once_however_many_start_together(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: keyring(tmp_path, env={}), range(16)))
    assert len({ring.current for ring in rings}) == 1
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    keyring(tmp_path, env={})
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(BadKey) as no:
        keyring(tmp_path, env={})
    assert "chmod 600" in str(no.value)


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    newest, older = new_key(), new_key()
    ring = keyring(tmp_path, env={ENV: f"{newest},{older}"})
    assert not (tmp_path / FILE).exists()
    sealed = keyring(tmp_path, env={ENV: older}).seal("s3cret", HERE)
    assert ring.open(sealed, HERE) == "s3cret"
    assert ring.open(ring.rotate(sealed, HERE), HERE) == "s3cret"


@pytest.mark.parametrize("key", ["short", "!" * 43, "A" * 44])
def test_a_key_of_the_wrong_make_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadKey):
        keyring(tmp_path, env={ENV: key})


@pytest.mark.parametrize("text", ["", "plain", "v1.a.b", "v2.a.b.c", "v1.k.b.c"])
def test_what_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(NotOpened):
        RING.open(text, HERE)
