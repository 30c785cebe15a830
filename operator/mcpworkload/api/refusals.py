"""
Why a workload is not turned into children, and whether a repeated reconcile can help.

::

    Refusal
    ├── ApplyFailed        the API server fails to do it: retried with backoff
    ├── InvalidSpec        a field is wrong: not reconciled before the spec changes
    ├── PatchRejected      an operation of the template patch cannot be applied
    ├── PolicyDenied       the pods asked for are not allowed in this installation
    ├── ReferenceNotFound  a ConfigMap, a Secret or a key is missing: its arrival is an event
    ├── Rejected           the API server refuses a child: not reconciled before the spec changes
    ├── ChildForbidden     rights or quota are missing: reconciled again after a while
    └── ChildConflict      a child's name is taken: reconciled again after a while
"""

from mcpworkload.api.reasons import AcceptedReason
from mcpworkload.kube.errors import ExplainedError


class Refusal(ExplainedError):
    """
    The reason why a workload was not turned into children; the message says what would be right.

    `reason` becomes the condition's, `retry_after` is in how many seconds to reconcile again; None
    means not before something changes.
    """

    reason = AcceptedReason.INVALID_SPEC
    retry_after: float | None = None
    #: Whether only a new spec can help: tools that wait should give up.
    is_final = False
    #: Whether its message is the cluster's, which may quote anything.
    is_quoting = False


class ApplyFailed(Refusal):
    """The API server has failed for a while to apply a child; the message is the API server's."""

    reason = AcceptedReason.APPLY_FAILED
    is_quoting = True


class InvalidSpec(Refusal):
    """A field of the spec is wrong: the message starts with its path."""

    is_final = True


class PatchRejected(Refusal):
    """An operation of `spec.podTemplatePatch` fails, or leaves something that is no template."""

    reason = AcceptedReason.PATCH_REJECTED
    is_final = True

    def __init__(self, index: int, op: str, path: str, why: str) -> None:
        where = path or "the whole template"
        super().__init__(f"spec.podTemplatePatch[{index}] ({op} {where}): {why}")
        self.index = index
        self.op = op
        self.path = path


class PolicyDenied(Refusal):
    """The pod template, from any source, asks for what this installation does not allow."""

    reason = AcceptedReason.POLICY_DENIED
    is_final = True


class ReferenceNotFound(Refusal):
    """The pods need a ConfigMap, a Secret or a key that is missing; a watch reports its arrival."""

    reason = AcceptedReason.REFERENCE_NOT_FOUND


class Rejected(Refusal):
    """The API server refuses a child, or its deletion; repeating the request cannot help."""

    reason = AcceptedReason.REJECTED
    is_final = True
    is_quoting = True


class ChildForbidden(Refusal):
    """The API server forbids a child: no quota or no rights are left, or a claim may not grow."""

    reason = AcceptedReason.REJECTED
    retry_after = 30.0
    is_quoting = True


class ChildConflict(Refusal):
    """A child's name belongs to an object of another owner, which the operator did not touch."""

    reason = AcceptedReason.CHILD_CONFLICT
    is_quoting = True
    # The other object does not carry our label, so that no watch reports its deletion.
    retry_after = 10.0
