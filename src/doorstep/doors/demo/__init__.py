"""demo: a whole shop played through its journey: real processes, the API and the verbs, three weeks in a minute."""
