"""What a user can do something about."""


class CaseError(Exception):
    """What is wrong with a case, in one line, as the user reads it."""
