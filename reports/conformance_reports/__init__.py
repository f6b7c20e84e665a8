"""The built-in renderings of a report."""
