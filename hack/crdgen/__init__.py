"""
Generate the CustomResourceDefinition and what goes with it from the models.

Nothing in the operator imports this package; the command line holds manifests against the schema.
`python -m hack.crdgen` prints the CRD, with `--write` it renews the CRD, the API reference
and the schema for kustomize; `python -m hack.crdgen.extract` renews the structure of
Kubernetes' own parts.
"""
