"""Where objects are."""

from mcpworkload.kube.paths import apps_path, core_path, resource_path


def test_a_path_is_as_narrow_as_what_is_asked_for() -> None:
    """The cluster's collection, a namespace's, an object, and a part of one."""
    assert resource_path("/apis/a.dev/v1", "things") == "/apis/a.dev/v1/things"
    assert core_path("pods", "team") == "/api/v1/namespaces/team/pods"
    assert apps_path("statefulsets", "team", "w") == "/apis/apps/v1/namespaces/team/statefulsets/w"
    assert core_path("pods", "team", "w-0", "log") == "/api/v1/namespaces/team/pods/w-0/log"


def test_no_name_leads_elsewhere() -> None:
    """What is no name of an object is one part of the path all the same."""
    path = core_path("secrets", "team", "../../other/secrets/x")
    assert path == "/api/v1/namespaces/team/secrets/..%2F..%2Fother%2Fsecrets%2Fx"
