"""The error of an entry that cannot be read, shared by the grammars of permission profiles."""


class BadEntry(ValueError):
    """An entry is of no form that its grammar knows; the message says what would be right."""
