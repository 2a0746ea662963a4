"""secrets: what must be kept but never lie open: sealed with a key of its own, which the home's key seals.

A sealed secret is text: `v1.<key id>.<sealed data key>.<sealed secret>`. Its context (whose secret, which field)
is bound into it, so that a secret copied to another row does not open there. Rotating the home's key seals only
the small data key anew. Who holds a keyring meanwhile finds the new key by itself, where keys are in the home's file.
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from doorstep.kit.refusals import Refusal

ENV = "DOORSTEP_SECRET_KEY"
FILE = "secret.key"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class NotOpened(Refusal):
    """This secret cannot be opened: its key is missing, or it was changed or belongs elsewhere."""

    status = 500


class KeyIsGone(NotOpened):
    """A secret is sealed with a key that is not here: put that key back behind the others, or set the secret anew."""


class NoSuchKey(Refusal):
    """No key that was here before is called so."""

    status = 404


class KeyInUse(Refusal):
    """Secrets are sealed with this key: rotate first."""


class KeysFromEnvironment(Refusal):
    """The keys are those of DOORSTEP_SECRET_KEY: a new one is put before them there, an old one taken away there."""


class BadKey(Refusal):
    """The secret key is unusable."""

    status = 500


class Keyring:
    """The home's keys: the first seals, all of them open. `read`: where they are read again when one is missing."""

    def __init__(self, keys: Sequence[bytes], read: Callable[[], Sequence[bytes]] | None = None) -> None:
        self._read = read
        self._take(keys)

    def _take(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise BadKey(problem="there is no key")
        self._keys = {key_id(key): AESGCM(key) for key in keys}
        self._raw = tuple(keys)
        self.current = key_id(keys[0])

    @property
    def older(self) -> list[str]:
        """The keys before the current one, the newest of them first."""
        return [name for name in self._keys if name != self.current]

    def _has_more(self) -> bool:
        """Whether there are other keys by now than those that were read."""
        keys = tuple(self._read()) if self._read else self._raw
        if keys == self._raw:
            return False
        self._take(keys)
        return True

    def seal(self, secret: str, context: str) -> str:
        data_key = AESGCM.generate_key(_KEY_BYTES * 8)
        sealed = _encrypt(AESGCM(data_key), secret.encode(), context)
        return f"v1.{self.current}.{self._seal_key(data_key, context)}.{sealed}"

    def open(self, sealed: str, context: str) -> str:
        _, key, wrapped, body = _parts(sealed)
        data_key = self._open_key(key, wrapped, context)
        return _decrypt(AESGCM(data_key), body, context).decode()

    def rotate(self, sealed: str, context: str) -> str:
        """The same secret under the current key; unchanged when it is there already."""
        version, key, wrapped, body = _parts(sealed)
        if key == self.current:
            return sealed
        data_key = self._open_key(key, wrapped, context)
        return f"{version}.{self.current}.{self._seal_key(data_key, context)}.{body}"

    def sign(self, message: bytes, purpose: str) -> bytes:
        """What nobody without the key can make: 16 bytes, always the same for one message, of this purpose alone."""
        return _signed(self._raw[0], message, purpose)

    def is_signed(self, message: bytes, purpose: str, signature: bytes) -> bool:
        """By the current key or one of those before it."""
        return self._signed_one(message, purpose, signature) or (
            self._has_more() and self._signed_one(message, purpose, signature)
        )

    def _signed_one(self, message: bytes, purpose: str, signature: bytes) -> bool:
        return any(hmac.compare_digest(_signed(key, message, purpose), signature) for key in self._raw)

    def _seal_key(self, data_key: bytes, context: str) -> str:
        return _encrypt(self._keys[self.current], data_key, context)

    def _open_key(self, key: str, wrapped: str, context: str) -> bytes:
        if key not in self._keys and not (self._has_more() and key in self._keys):
            raise KeyIsGone(key=key, secret=context)
        return _decrypt(self._keys[key], wrapped, context)


def keyring(home: Path, env: Mapping[str, str] = os.environ) -> Keyring:
    """From the environment, else from the home's file, which is made at first need. Newest key first."""
    if env.get(ENV):
        return Keyring([_read_key(word) for word in env[ENV].replace(",", " ").split()])
    file = home / FILE
    if not file.exists():
        _create(file, AESGCM.generate_key(_KEY_BYTES * 8))
    return Keyring(_read_file(file), lambda: _read_file(file))


def _signed(key: bytes, message: bytes, purpose: str) -> bytes:
    of_purpose = hmac.digest(key, b"doorstep signs\0" + purpose.encode(), "sha256")
    return hmac.digest(of_purpose, message, "sha256")[:16]


def add_key(home: Path, env: Mapping[str, str] = os.environ) -> str:
    """A new current key in the home's file; the old ones still open. Its id; then rotate what is sealed.

    Refuses KeysFromEnvironment.
    """
    file = _own_file(home, env)
    keys = _read_file(file) if file.exists() else []
    fresh = AESGCM.generate_key(_KEY_BYTES * 8)
    _draft(file, [fresh, *keys]).replace(file)
    return key_id(fresh)


def drop_key(home: Path, key: str, env: Mapping[str, str] = os.environ) -> None:
    """An old key opens nothing any more, and what it signed is not signed. Refuses NoSuchKey, KeysFromEnvironment."""
    file = _own_file(home, env)
    keys = _read_file(file) if file.exists() else []
    kept = [one for nth, one in enumerate(keys) if nth == 0 or key_id(one) != key]
    if len(kept) == len(keys):
        raise NoSuchKey(key=key[:60])
    _draft(file, kept).replace(file)


def _own_file(home: Path, env: Mapping[str, str]) -> Path:
    if env.get(ENV):
        raise KeysFromEnvironment
    return home / FILE


def new_key() -> str:
    """A key as text, for the environment."""
    return _text(AESGCM.generate_key(_KEY_BYTES * 8))


def key_id(key: bytes) -> str:
    """Names a key without telling it."""
    return sha256(b"doorstep key id" + key).hexdigest()[:12]


def _encrypt(cipher: AESGCM, plain: bytes, context: str) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    return _text(nonce + cipher.encrypt(nonce, plain, context.encode()))


def _decrypt(cipher: AESGCM, text: str, context: str) -> bytes:
    try:
        raw = _bytes(text)
        return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError):
        raise NotOpened(context=context) from None


def _parts(sealed: str) -> tuple[str, str, str, str]:
    parts = sealed.split(".")
    if len(parts) != 4 or parts[0] != "v1":
        raise NotOpened(problem="not a sealed secret")
    return parts[0], parts[1], parts[2], parts[3]


def _read_file(file: Path) -> list[bytes]:
    if file.stat().st_mode & 0o077:
        raise BadKey(file=str(file), problem="others may read it; run chmod 600 on it")
    return [_read_key(line) for line in file.read_text("ascii").split()]


def _create(file: Path, key: bytes) -> None:
    """Of several processes that start at once, the first one's key is everybody's."""
    draft = _draft(file, [key])
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _draft(file: Path, keys: Sequence[bytes]) -> Path:
    """Whole before it gets its name, and never readable by others, not even for a moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}-{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write("".join(f"{_text(key)}\n" for key in keys))
        out.flush()
        os.fsync(out.fileno())
    return draft


def _read_key(text: str) -> bytes:
    try:
        key = _bytes(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise BadKey(problem=f"a key is {_KEY_BYTES} bytes in URL-safe base64")
    return key


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
