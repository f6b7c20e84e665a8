"""Profiles that this suite brings."""
