"""What all tests share: hypothesis finds the same examples in each run, however busy the machine is."""

from hypothesis import settings

settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
