"""
Decide what a pod template may hold, on the final template, from any source.

Fields of the spec, sidecars and patches all end in the template, so that none of them can add what
another must not. A user who may create an MCPWorkload can create pods through it: within these
limits that is intended, beyond them it is refused here.
"""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mcpworkload.api import names
from mcpworkload.api.patch import PatchOperation
from mcpworkload.api.refusals import PatchRejected, PolicyDenied
from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.controller.admission import pointer
from mcpworkload.controller.admission.bridge_policy import bridge_is_intact, bridge_is_not_lent
from mcpworkload.controller.admission.installation import DEFAULT_POLICY, Policy
from mcpworkload.controller.admission.isolation_policy import (
    isolation_is_intact,
    isolation_is_not_lent,
)
from mcpworkload.controller.admission.origins import origin_of, raw
from mcpworkload.controller.admission.pod_security import BASELINE, RESTRICTED, Rule
from mcpworkload.controller.admission.sources import projected_tokens, volume_sources
from mcpworkload.controller.admission.view import Finding, MalformedError, PodTemplate
from mcpworkload.controller.settings import PodSecurity
from mcpworkload.kube.manifest import Manifest

# A message goes into a condition: enough to act on, not a listing.
_MAX_FINDINGS = 5


def check_template(
    template: Manifest,
    built: Manifest,
    operations: Sequence[PatchOperation],
    policy: Policy = DEFAULT_POLICY,
    spec: WorkloadSpec | None = None,
) -> PodTemplate:
    """
    Return *template*, which may run; *built* is what it was before *operations* were applied.

    With the *spec* that it was built from, paths are those of the spec where it wrote them.

    Raises:
        PatchRejected: what *operations* left is no pod template; names one that did it.
        PolicyDenied: names what must not be there, by its path, what was found and what would
            be right, and the operation that last touched it, if any.
    """
    try:
        pod = PodTemplate(template)
        before = pod if built is template else PodTemplate(built)
        _check_shape(pod)
        findings = [finding for rule in _rules(policy) for finding in rule(pod)]
        findings += _changed_keys(pod, before)
        findings += bridge_is_intact(pod, before)
        findings += isolation_is_intact(pod, before)
    except MalformedError as error:
        raise _malformed(error.finding, operations) from error
    if findings:
        raise PolicyDenied(_describe(findings, operations, _Origins(template, spec)))
    return pod


def find_forbidden(live: Manifest, wanted: Manifest, policy: Policy) -> tuple[Finding, ...]:
    """
    Return what others added to a *live* template that *policy* forbids; *wanted* is without it.

    The apply restores what the operator itself set; this finds only what must not stay beside it.
    """
    try:
        pod = PodTemplate(live)
        if not pod.spec["containers"].value:
            return ()
        findings = [finding for rule in _rules(policy) for finding in rule(pod)]
        before = PodTemplate(wanted)
        findings += _changed_keys(pod, before)
        findings += bridge_is_not_lent(pod, before)
        return (*findings, *isolation_is_not_lent(pod, before))
    except MalformedError:
        return ()


def describe_forbidden(findings: Sequence[Finding]) -> str:
    """Return what others added and must not stay, as text; empty if there is nothing."""
    parts = [f"pod template {finding}" for finding in findings[:_MAX_FINDINGS]]
    if len(findings) > _MAX_FINDINGS:
        parts.append(f"and {len(findings) - _MAX_FINDINGS} more")
    return "; ".join(parts)


def _rules(policy: Policy) -> tuple[Rule, ...]:
    security = _SECURITY_RULES[policy.pod_security]
    if policy.host_paths:
        security = tuple(_with_host_paths(rule, policy) for rule in security)
    return (*OURS, projected_tokens(policy), *security)


def _with_host_paths(rule: Rule, policy: Policy) -> Rule:
    """Return *rule* without its findings on paths of the node that the installation allows."""

    def allowing(pod: PodTemplate) -> Iterator[Finding]:
        allowed = {
            volume["hostPath"].path
            for volume in pod.volumes
            if policy.allows_host_path(posixpath.normpath(volume["hostPath"]["path"].text()))
        }
        return (finding for finding in rule(pod) if finding.path not in allowed)

    return allowing


def server_is_first(pod: PodTemplate) -> Iterator[Finding]:
    """The first container is the server's: status, logs and probes rely on that."""
    name = next(pod.spec["containers"].items())["name"]
    if name.value != names.CONTAINER:
        yield name.finding(
            f"leave the server's container {names.CONTAINER} first, and put others after it or "
            "among initContainers"
        )


def plain_metadata(pod: PodTemplate) -> Iterator[Finding]:
    """The metadata of the template has labels and annotations only: other fields do harm."""
    for field, value in pod.metadata.members():
        if field == "finalizers":
            yield value.finding("leave it out: every pod would get them, and never end")
        elif field not in ("labels", "annotations"):
            yield value.finding("leave it out: a template has labels and annotations only")


def scheduled_pods(pod: PodTemplate) -> Iterator[Finding]:
    """The scheduler chooses the node, and the priority is below that of the cluster itself."""
    node, priority = pod.spec["nodeName"], pod.spec["priorityClassName"]
    if not node.is_one_of((None, "")):
        yield node.finding("write a nodeSelector or an affinity: the scheduler chooses the node")
    if priority.text().startswith("system-"):
        yield priority.finding("take another class: these are for what the cluster needs to run")


def no_ephemeral_containers(pod: PodTemplate) -> Iterator[Finding]:
    """There are no ephemeral containers: they are for `kubectl debug`, in a running pod."""
    field = pod.spec["ephemeralContainers"]
    if field.value:
        yield field.finding("use initContainers or containers: a template cannot have these")


#: What no setting allows.
OURS: Final[tuple[Rule, ...]] = (
    server_is_first,
    plain_metadata,
    scheduled_pods,
    no_ephemeral_containers,
    volume_sources,
)

_SECURITY_RULES: Final[dict[PodSecurity, tuple[Rule, ...]]] = {
    PodSecurity.PRIVILEGED: (),
    PodSecurity.BASELINE: BASELINE,
    PodSecurity.RESTRICTED: (*BASELINE, *RESTRICTED),
}


def _changed_keys(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    """
    Yield labels and annotations under our domain that are not as the operator built them.

    Services, policies and caches select by them; the API server refuses a StatefulSet without the
    label that selects its pods, and another change hides the pods from the operator.
    """
    if pod is before:
        return
    for field in ("labels", "annotations"):
        known = before.metadata[field].mapping()
        ours = {key: value for key, value in known.items() if is_own_key(key)}
        theirs = pod.metadata[field].mapping()
        for key in sorted({*ours, *filter(is_own_key, theirs)}):
            if theirs.get(key) != ours.get(key):
                remedy = f"write {ours[key]}" if key in ours else "leave it out"
                yield pod.metadata[field][key].finding(
                    f"{remedy}: keys under {names.GROUP}/ are the operator's"
                )


def is_own_key(key: str) -> bool:
    """Return whether *key* of a label or annotation is in our domain, or in one below it."""
    domain = key.rpartition("/")[0]
    return domain == names.GROUP or domain.endswith(f".{names.GROUP}")


def _check_shape(pod: PodTemplate) -> None:
    """Refuse what is no template, as far as the rules and the operator have to read it."""
    for field in ("labels", "annotations"):
        for key in pod.metadata[field].mapping():
            value = pod.metadata[field][key]
            if not isinstance(value.value, str):
                raise value.malformed("write text, in quotes if it looks like a number or true")
    if not pod.spec["containers"].value:
        raise pod.spec["containers"].malformed("write a list of containers")
    for entries in (pod.containers, pod.volumes):
        seen = set()
        for entry in entries:
            name = entry["name"].text()
            if not name or name in seen:
                raise entry["name"].malformed("write a name that no other has")
            seen.add(name)


def _malformed(
    finding: Finding, operations: Sequence[PatchOperation]
) -> PatchRejected | PolicyDenied:
    index = _culprit(finding.path, operations)
    if index is None:
        return PolicyDenied(_describe([finding], operations, _Origins({}, None)))
    operation = operations[index]
    return PatchRejected(index, operation.op, operation.path, f"this leaves at {finding}")


@dataclass(frozen=True)
class _Origins:
    """Names the field of the spec that a part of its template comes from."""

    template: Manifest
    spec: WorkloadSpec | None

    def say(self, finding: Finding) -> str:
        """Return path, finding and remedy; the path is the template's where the spec has none."""
        path = origin_of(finding.path, self.template, raw(self.spec)) if self.spec else None
        return f"{path}: {finding.words}" if path else f"pod template {finding}"


def _describe(
    findings: Sequence[Finding], operations: Sequence[PatchOperation], origins: _Origins
) -> str:
    parts = []
    for finding in findings[:_MAX_FINDINGS]:
        index = _culprit(finding.path, operations)
        if index is None:
            parts.append(origins.say(finding))
        else:
            parts.append(f"pod template {finding} (see spec.podTemplatePatch[{index}])")
    if len(findings) > _MAX_FINDINGS:
        parts.append(f"and {len(findings) - _MAX_FINDINGS} more")
    return "; ".join(parts)


def _culprit(path: Sequence[str], operations: Sequence[PatchOperation]) -> int | None:
    """
    Return the index of the last of *operations* that changed *path*, or a place above or below it.

    A hint for the author: entries of lists may have moved since.
    """
    for index, operation in reversed(list(enumerate(operations))):
        touched = [operation.path] if operation.op != "test" else []
        if operation.op == "move":
            touched.append(operation.from_ or "")
        if any(_overlap(pointer.split(place), path) for place in touched):
            return index
    return None


def _overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether one path leads to the other, whatever the end of a list may have been."""
    pairs = zip(one, other, strict=False)
    return all(a == b or (a == pointer.END and b.isdecimal()) for a, b in pairs)
