"""Talking to the product: the recording, scoped, bounded session and the drivers."""
