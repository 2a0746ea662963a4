"""corrections: what was credited, written off or found elsewhere: what it moves, and which sales a credit is about."""
