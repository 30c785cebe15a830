"""The fixtures of the tests of the command line."""

from tests.support.commands import world

__all__ = ["world"]
