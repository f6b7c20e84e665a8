"""What holds for all tests: no example of a law is judged by how long it took, because machines are busy."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
