"""
`mcpworkload template -f` and a real API server, on the same files: their verdicts are equal.

MANIFEST_MUTATIONS sets how many generated mutations there are; 4000 are all of them.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from hack.kubectl import environment, program
from mcpworkload.cli.offline.admission import NotAdmittedError, admit, is_workload
from mcpworkload.cli.offline.reader import Reader, UnreadableError
from tests.support.manifest_shapes import manifest, shapes
from tests.support.mutations import BASES, mutated_specs
from tests.support.namespace import Namespace

MUTATIONS = int(os.environ.get("MANIFEST_MUTATIONS", "200"))
#: What the API server takes and the operator refuses: an empty name of a volume, for which the CRD
#: has no rule, and a list in place of a time, which its validation of formats lets through.
OPERATORS_OWN = (
    "spec.volumes: found a list; give each entry a name",
    "spec.restartedAt: found a list; write text",
    "spec.restartedAt: found an empty list; write text",
)
# kubectl sends few requests a second; several of it at work share them.
_AT_ONCE = 6
_TAKEN = re.compile(
    r"^mcpworkload\.mcpworkload\.dev/(\S+) created \(server dry run\)$", re.MULTILINE
)


@pytest.mark.long
@pytest.mark.timeout(60 + MUTATIONS)
async def test_a_file_is_taken_or_refused_as_by_the_api_server(
    namespace: Namespace, tmp_path: Path
) -> None:
    """Shapes that users wrote, and mutations at every place; all differences are shown."""
    files = {name: text for name, (text, _) in shapes().items()}
    files |= {f"base-{number}": manifest_of(base, f"base-{number}") for number, base in bases()}
    for number, spec in enumerate(mutated_specs(MUTATIONS)):
        files[f"mutation-{number}"] = manifest_of(spec, f"mutation-{number}")

    said = await verdicts(namespace.name, files, tmp_path)
    ours = {name: complaint(text) for name, text in files.items()}

    for name, words in ours.items():
        # What the API server takes and the operator answers with InvalidSpec is refused here, too.
        if any(known in words for known in OPERATORS_OWN):
            said[name] = said[name] or words
    differences = [
        f"{'taken' if not said[name] else said[name]}\n  but here: {ours[name]}\n{files[name]}"
        for name in files
        if bool(said[name]) != bool(ours[name])
    ]
    assert not differences, f"{len(differences)} of {len(files)}:\n" + "\n".join(differences)
    assert not any(said[f"base-{number}"] for number, _ in bases())
    for name, (_, taken) in shapes().items():
        assert bool(said[name]) != taken, f"{name}: {said[name]}"


def bases() -> list[tuple[int, str]]:
    """The manifests that all mutations are made of."""
    return list(enumerate(BASES))


def manifest_of(spec: str, name: str) -> str:
    """A file with that spec, image included."""
    return manifest(spec, name).replace("  image: weather:1\n", "", 1)


def complaint(text: str) -> str:
    """What the command line says against *text*; empty where it takes it."""
    try:
        workloads = [item for item in Reader(text).objects() if is_workload(item)]
        for item in workloads:
            admit(item)
    except (UnreadableError, NotAdmittedError) as error:
        return str(error)
    return "" if workloads else "no workload"


async def verdicts(namespace: str, files: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What kubectl and the API server say against each file; empty where they take it."""
    names = list(files)

    async def ask(which: list[str], number: int) -> tuple[str, str]:
        part = folder / str(number)
        part.mkdir()
        for name in which:
            (part / f"{name}.yaml").write_text(files[name], encoding="utf-8")
        words = ("apply", "--dry-run=server", "--validate=strict", "-n", namespace, "-f", part)
        process = await asyncio.create_subprocess_exec(
            program(),
            *map(str, words),
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return out.decode(), err.decode()

    parts = [names[start::_AT_ONCE] for start in range(_AT_ONCE)]
    answers = await asyncio.gather(*(ask(part, number) for number, part in enumerate(parts)))
    taken = {name for out, _ in answers for name in _TAKEN.findall(out)}
    refusals = "\n".join(err for _, err in answers).splitlines()
    told = {
        name: next((line for line in refusals if f"/{name}.yaml" in line), "refused")
        for name in names
    }
    return {name: "" if name in taken else told[name] for name in names}
