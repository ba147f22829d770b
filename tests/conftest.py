"""Settings of all tests: none measures time, so examples have no deadline."""

from hypothesis import settings

settings.register_profile("optimlab", deadline=None)
settings.load_profile("optimlab")
