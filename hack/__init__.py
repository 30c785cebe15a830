"""
What builds, tests and generates: nothing here is part of the product.

The entry point to a test cluster is `python3 -m hack.cluster`: it chooses one that this machine can
have; `hack.local` is the one without Docker. `python3 -m hack.images` builds the images,
`hack.install` applies the operator of this checkout, `hack.demo` runs all of it up to a tool call.

The generator `python -m hack.crdgen` writes the CRD, the API reference and the files for kustomize
from the models, `hack.clidocs` the page of the command line, `hack.dashboard` Grafana's dashboard;
with `--check` each only compares.
`terminal` and `kubectl` are what the commands share. What has to run before a virtual environment
exists (`cluster`, `local`, `images`) imports the standard library alone.
"""
