"""What the words mean: frozen dataclasses, pure, standard library only.

The names here are the project's vocabulary; every other room speaks in them.
"""
