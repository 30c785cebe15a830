"""
What kubectl and the API server would make of a manifest, found out without asking either.

`reading` reads text as kubectl does, `structure` holds values against the CRD's schema as the API
server does, `metadata` knows what Kubernetes asks of every object, `admission` is all of it.
"""
