"""What EasyPost's tests share: a shop that connects it, and the console to connect it in."""

from tests.conftest import books_of_this_file, db, shop
from tests.doors.web import web

__all__ = ["books_of_this_file", "db", "shop", "web"]
