"""The fixtures of the tests of the command line."""

from tests.support.commands import harness

__all__ = ["harness"]
