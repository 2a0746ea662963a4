"""What Karrio's tests share: a shop that connects a carrier of it, and the console to connect it in."""

from tests.conftest import db, shop
from tests.doors.web import web

__all__ = ["db", "shop", "web"]
