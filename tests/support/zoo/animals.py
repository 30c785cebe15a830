"""All animals, by name."""

from tests.support.zoo import answers, floods, garbage, lists, silent, sse, statuses, tame

_FILES = (tame, silent, floods, statuses, garbage, answers, lists, sse)
ANIMALS = {animal.name: animal for file in _FILES for animal in file.ANIMALS}
