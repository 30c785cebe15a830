"""The fixtures of the tests of the command line."""

from tests.unit.cli.world import world

__all__ = ["world"]
