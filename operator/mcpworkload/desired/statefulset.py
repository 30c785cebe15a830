"""The StatefulSet around a pod template."""

from mcpworkload import names
from mcpworkload.manifest import Manifest
from mcpworkload.models import Workload


def build_statefulset_spec(workload: Workload, template: Manifest) -> Manifest:
    """The spec of the StatefulSet that runs *template*."""
    return {
        "replicas": workload.spec.replicas,
        "serviceName": workload.name,
        "selector": {"matchLabels": names.selector_labels(workload.name)},
        # Replicas of an MCP server do not wait for one another; and with the ordered policy
        # a broken revision would have to be deleted by hand.
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "template": template,
    }
