"""reports: what came of it, over any period: sales, credits, delivery, the time in each stage, stock on a past day.

Each is a function of the books alone, counted by the database in one pass over each table that it needs.
"""
