"""Settings of all tests: none measures time, so examples have no deadline; what takes long begins first."""

from hypothesis import settings

settings.register_profile("optimlab", deadline=None)
settings.load_profile("optimlab")


def pytest_collection_modifyitems(items):
    """Let slow tests begin, those of studies first: workers that end together leave no core idle."""
    items.sort(key=lambda item: ("slow" not in item.keywords, "studies" not in item.path.parts))
