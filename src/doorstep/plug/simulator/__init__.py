"""simulator: the outside world as one process: a carrier, a payment provider, and their bad days.

Start it with `python -m doorstep.plug.simulator --port 8900`. `World` is the whole of it without HTTP.
"""
