"""The right to read Secrets, which an installation may give the operator, for a while."""

from tests.support.api import Api, RequestFailed
from tests.support.manifests import make_object
from tests.support.process import ACCOUNT, NAMESPACE

_NAME = "mcpworkload-test-verification-secrets"
_RULES = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}]


async def give_rights_on_secrets(api: Api) -> None:
    """Give what `deploy/overlays/secrets` gives, in the whole cluster."""
    await take_rights_on_secrets(api)  # what a killed run has left
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": _NAME}
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    await api.create(make_object("ClusterRole", _NAME, rules=_RULES))
    binding = make_object("ClusterRoleBinding", _NAME, roleRef=role, subjects=[account])
    await api.create(binding)


async def take_rights_on_secrets(api: Api) -> None:
    """Take it back."""
    for kind in ("ClusterRoleBinding", "ClusterRole"):
        try:
            await api.delete(kind, "", _NAME)
        except RequestFailed as failure:
            if failure.status != 404:
                raise
