"""demo: a whole shop played through its journey: real processes, the API and the verbs, two weeks in a minute."""
