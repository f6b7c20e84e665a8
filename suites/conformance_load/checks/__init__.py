"""Checks of the load suite: each reads the measurement of a scenario and decides one requirement."""
