"""
Generate the CustomResourceDefinition and what goes with it from the models. For development.

Nothing in the operator imports this package. `python -m mcpworkload.crd` prints the CRD, with
`--write` it renews the CRD, the API reference and the schema for kustomize;
`python -m mcpworkload.crd.extract` renews the structure of Kubernetes' own parts.
"""
