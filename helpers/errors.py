"""The one exception that means: the input or the usage was wrong, and this is what to do about it."""


class InputError(ValueError):
    """Bad input. The message says what was wrong, where, and what to do; the command line exits with 2."""
