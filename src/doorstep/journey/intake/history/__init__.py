"""history: how an order that happened elsewhere moves on in our books: what is told, against what they know."""
