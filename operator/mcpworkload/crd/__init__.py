"""
Generate the CustomResourceDefinition from the models. A tool for development.

Nothing in the operator imports this package. `python -m mcpworkload.crd` prints the CRD;
`python -m mcpworkload.crd.extract` renews the structure of Kubernetes' own parts.
"""
