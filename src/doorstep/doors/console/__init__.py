"""console: the pages where people run the day: an order list, an order page, its next moves as forms.

Plain HTML from the server over the same verbs as the API; `routes(db)` is what the web application takes in, and
`nowhere` the page of addresses that are nobody's.
"""

from doorstep.doors.console.routes import nowhere, routes

__all__ = ["nowhere", "routes"]
