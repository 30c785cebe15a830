"""
Generate the CustomResourceDefinition and what goes with it from the models.

`__main__` is the entry point: `python -m hack.crdgen` prints the CRD, with `--write` it renews the
CRD, the API reference and the schema for kustomize. `document` is the CRD as a whole, `schema`
turns pydantic's JSON schema into a structural one, `structure` adds Kubernetes' own parts, `docs`
writes the reference, `kustomize` its two files. `python -m hack.crdgen.extract` renews the
structure of Kubernetes' own parts.

The operator imports nothing of this package; the command line holds manifests against the schema.
"""
