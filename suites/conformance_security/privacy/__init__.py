"""Personal and secret data: what it looks like, how it may be shown, in which encodings it hides, and who showed it."""
