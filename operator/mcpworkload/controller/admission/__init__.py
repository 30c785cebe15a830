"""
Decide what a pod template may hold, from any source: the spec, a template patch, or a webhook.

`policy.check_template` is the entry point for a template that the operator built,
`policy.find_forbidden` the one for a live template. Their rules: `pod_security` has Kubernetes' Pod
Security Standards, `sources` the kinds of volumes, `bridge_policy` what keeps the bridge and its
token safe, `portnames` the ports that probes name. `installation` is what an installation allows.

`template_patch` applies RFC 6902 patches, `pointer` and `view` address places in a template,
`origins` and `fieldnames` name the field of the spec that a place comes from. Pure.
"""
