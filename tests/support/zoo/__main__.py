"""
Serve all animals, each on its own port, until the process is ended.

Usage: python -m tests.support.zoo CERTIFICATE. Prints one JSON object, of the port of each by name.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.zoo.animals import ANIMALS
from tests.support.zoo.serving import open_cage


async def main(certificate: Path) -> None:
    """Serve them until somebody ends the process."""
    async with AsyncExitStack() as stack:
        cages = [
            await stack.enter_async_context(open_cage(animal, certificate))
            for animal in ANIMALS.values()
        ]
        sys.stdout.write(json.dumps({cage.animal.name: cage.port for cage in cages}) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
