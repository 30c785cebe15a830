"""
Generate the CustomResourceDefinition and what goes with it from the models.

Nothing in the operator imports this package; the command line holds manifests against the schema.
`python -m mcpworkload.crd` prints the CRD, with `--write` it renews the CRD, the API reference
and the schema for kustomize; `python -m mcpworkload.crd.extract` renews the structure of
Kubernetes' own parts.
"""
