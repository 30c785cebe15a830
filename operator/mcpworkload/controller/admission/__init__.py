"""
What a pod template may be, whoever made it: the spec, a template patch, or a webhook.

`policy` is the entry point, `check_template`; `installation` is what an installation allows,
`pod_security` the namespace's level, `sources` which volumes, `bridge_policy` what keeps the
bridge ours. `template_patch` applies RFC 6902 patches, `pointer` and `view` name places in a
template, `origins` and `fieldnames` the field of the spec that a place comes from.
"""
