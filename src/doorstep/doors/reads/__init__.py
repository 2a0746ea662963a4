"""reads: what the doors show: pages of orders, one order whole, the floor, the shelves, the feed. Nothing is changed.

Each read takes a transaction and a merchant and answers plain structs: the API sends them, the console draws them,
the command line prints them.
"""
