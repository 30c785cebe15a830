"""The cluster of the kubeconfig's current context, which somebody else made."""


class CurrentCluster: ...
