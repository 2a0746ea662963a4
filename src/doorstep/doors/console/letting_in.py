"""letting_in: what every way in ends with: the browser gets its new session."""

from __future__ import annotations

from urllib.parse import urlencode

from litestar import Response

from doorstep.doors.console.visit import Knock, see_other
from doorstep.kit import home as homes
from doorstep.kit.secrets import Keyring, keyring
from doorstep.setup.sessions import Opened, end_session


def keys() -> Keyring:
    """Those of the home, which seal what the second factor is made of."""
    return keyring(homes.prepare(homes.home()))


async def let_in(knock: Knock, opened: Opened, to: str) -> Response[str]:
    """Nothing is left of the session before; half a session is asked for the code first."""
    if knock.browser.session:
        await end_session(knock.db, knock.browser.session)
    answer = see_other(f"/sign-in/code?{urlencode({'to': to})}" if opened.is_half else to)
    answer.set_cookie(knock.browser.keeps(opened.word))
    return answer
