"""http: the API under /v1: one route per verb, reads beside them, exact about what it takes and answers."""
