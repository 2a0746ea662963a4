"""buyer: the buyers' door: an order's tracking page, open to whoever has its link or knows its number and postcode.

Nobody signs in here and nothing is remembered: no cookie, no script that is needed, nothing from elsewhere.
"""

from doorstep.doors.buyer.routes import routes

__all__ = ["routes"]
