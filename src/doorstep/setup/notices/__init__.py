"""notices: what buyers are told, as a merchant wants it: which fact, by which medium, in which words, at what hour."""
