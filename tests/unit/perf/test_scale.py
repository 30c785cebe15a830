"""The benchmark's arithmetic: what it counts, what it judges, and what it writes."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.perf.scale import chart, pages, report, requests
from tests.perf.scale.contender import ChildOf, Contender, Resource
from tests.perf.scale.limits import check
from tests.perf.scale.result import Phase, Result, Run
from tests.perf.scale.scenarios import SERVED
from tests.perf.scale.targets import judge, judge_all
from tests.perf.scale.templates import write_children

USER, CHANGER = "system:serviceaccount:bench:other", "system:serviceaccount:bench:changer"
CHILDREN = {"statefulsets": ChildOf(Resource("apis/apps/v1", "statefulsets"), "{name}-set")}
FLOOR, OURS = "floor", "ours"


def make_entry(verb: str, resource: str, at: float, **parts: Any) -> dict[str, Any]:
    """A line of the audit log, answered 10 ms after it was received."""
    plural, _, subresource = resource.partition("/")
    return {
        "stage": parts.get("stage", "ResponseComplete"),
        "verb": verb,
        "user": {"username": parts.get("user", USER)},
        "requestReceivedTimestamp": f"2026-11-27T07:00:{at:09.6f}Z",
        "stageTimestamp": f"2026-11-27T07:00:{at + 0.01:09.6f}Z",
        "objectRef": {
            "resource": plural,
            "subresource": subresource,
            "name": parts.get("name", ""),
        },
        "responseStatus": {"code": parts.get("code", 200)},
    }


def read(tmp_path: Path, *entries: dict[str, Any], end: str = "") -> list[requests.Request]:
    """What is read of a log with those lines, and with one that is not complete yet."""
    path = tmp_path / "audit.log"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + end)
    return requests.read_requests(path, 0)


def test_a_watch_counts_once_and_a_lease_never(tmp_path: Path) -> None:
    """A watch has a line when it begins and one when it ends; half a line belongs to later."""
    found = read(
        tmp_path,
        make_entry("watch", "pods", 1.0, stage="ResponseStarted"),
        make_entry("watch", "pods", 2.0),
        make_entry("patch", "services", 3.0, code=201),
        make_entry("update", "leases", 3.5),
        make_entry("patch", "services", 3.6, user="another"),
        end='{"stage": "Resp',
    )

    counted = requests.count(requests.of(found, USER))

    assert counted == {"watch pods 200": 1, "patch services 201": 1}


def test_later_statuses_of_a_workload_are_no_part_of_its_creation(tmp_path: Path) -> None:
    """In a burst the first workloads report that they are ready before the last ones exist."""
    found = read(
        tmp_path,
        make_entry("patch", "things", 1.0, name="a"),
        make_entry("patch", "things/status", 2.0, name="a"),
        make_entry("patch", "things/status", 3.0, name="a"),
        make_entry("patch", "things/status", 4.0, name="b"),
    )

    assert requests.count_first_status(found, "things") == 3


def test_a_status_follows_the_last_child_before_it(tmp_path: Path) -> None:
    """A write that was refused is none, and a child written later belongs to a later change."""
    found = read(
        tmp_path,
        make_entry("patch", "statefulsets", 1.0, name="a-set"),
        make_entry("patch", "statefulsets", 2.0, name="a-set", code=409),
        make_entry("patch", "things/status", 3.5, name="a"),
        make_entry("patch", "statefulsets", 4.0, name="a-set"),
    )

    assert requests.status_lags(found, "things", CHILDREN) == [pytest.approx(2.5)]


def test_a_reaction_ends_with_the_first_write_of_a_child(tmp_path: Path) -> None:
    """It begins when the change is stored; a write to another workload's child ends nothing."""
    found = read(
        tmp_path,
        make_entry("patch", "things", 1.0, user=CHANGER, name="a"),
        make_entry("patch", "statefulsets", 1.2, name="b-set"),
        make_entry("patch", "statefulsets", 1.5, name="a-set"),
        make_entry("patch", "statefulsets", 1.8, name="a-set"),
    )

    assert requests.reactions(found, CHANGER, USER, "things", CHILDREN) == [pytest.approx(0.49)]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 51), (0.99, 100), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: int) -> None:
    """Of a hundred values."""
    assert requests.percentile(range(1, 101), share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    """None, and not a zero that would look fast."""
    assert requests.percentile([], 0.5) is None


def make_run(contender: str, size: int, seconds: float, cpu: float, each: float) -> Run:
    """A run with a burst of creates."""
    create = Result(
        "create",
        size,
        phases={SERVED: Phase(seconds, cpu, round(each * size))},
        figures={"requests each until served": each},
    )
    return Run(contender, size, 40.0, 60.0, {"create": create})


def test_a_target_is_judged_as_a_ratio_to_the_floor_of_the_same_size() -> None:
    """Met, missed, and flat from a thousand on; what was not measured has no verdict."""
    ours = {1_000: make_run(OURS, 1_000, 12, 3, 3), 10_000: make_run(OURS, 10_000, 130, 60, 4)}
    floor = {1_000: make_run(FLOOR, 1_000, 10, 2, 3), 10_000: make_run(FLOOR, 10_000, 100, 20, 3)}

    found = {(one.target, one.size): one for one in judge(ours, floor)}

    request, wall, cpu, flat = (
        "requests of a create, until children and status exist",
        "wall of a burst, until children and status exist",
        "CPU of a burst, until children and status exist",
        "CPU each at 10,000 over that at 1,000",
    )
    assert found[request, 1_000].is_met
    assert not found[request, 10_000].is_met
    assert found[wall, 1_000].is_met
    assert not found[wall, 10_000].is_met
    assert found[cpu, 1_000].measured == 1.5
    assert found[flat, 10_000].measured == 2.0
    assert ("most memory", 1_000) not in found
    assert not any(target.startswith("restart") for target, _ in found)


def test_the_short_form_fails_for_a_request_too_many_and_not_for_noise() -> None:
    """Counts are exact; time has a margin, and what did not end fails."""
    floor = make_run(FLOOR, 200, 10, 2, 3)

    assert check([floor, make_run(OURS, 200, 17, 5, 3)], FLOOR) == []
    assert check([floor, make_run(OURS, 200, 10, 2, 3.3)], FLOOR) == [
        "ours, 200 workloads, requests of a create, until children and status exist: 1.1 x, "
        "more than 1.05"
    ]
    late = make_run(OURS, 200, 10, 2, 3)
    late.scenarios["create"].timed_out = "in 90 s"
    assert check([floor, late], FLOOR) == ["ours, 200 workloads, create: not done in 90 s"]


def test_results_survive_their_file(tmp_path: Path) -> None:
    """What is written is what is read."""
    runs = [make_run(FLOOR, 200, 10, 2, 3), make_run(OURS, 200, 17, 5, 3)]

    pages.save(tmp_path / "bench.json", {"commit": "abc"}, runs)

    assert pages.load(tmp_path / "bench.json") == ({"commit": "abc"}, runs)


def test_the_report_names_what_was_missed_and_what_was_before() -> None:
    """The table of targets has a column for an older version."""
    floor = make_run(FLOOR, 1_000, 10, 2, 3)
    runs, older = [floor, make_run(OURS, 1_000, 20, 3, 3)], [floor, make_run(OURS, 1_000, 30, 3, 3)]

    text = report.render(runs, FLOOR, older)

    wall = "wall of a burst, until children and status exist"
    assert f"| {wall} | 1,000 | 1.20 x | 3.00 x | 2.00 x | **missed** |" in text


def test_the_chart_is_well_formed_and_has_a_bar_for_each_figure() -> None:
    """Whatever is in it; a limit of nothing has a bar as well."""
    runs = [make_run(FLOOR, 1_000, 10, 2, 3), make_run(OURS, 1_000, 90, 3, 3)]
    verdicts = judge_all(runs, FLOOR)[OURS]

    root = ET.fromstring(chart.render(verdicts, "a < b & c"))  # noqa: S314

    bars = root.findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == len(verdicts) + 1


def test_the_page_has_its_section() -> None:
    """Where the figures are written."""
    text = pages.PAGE.read_text()

    assert text.count("<!-- figures: begin -->\n") == text.count("<!-- figures: end -->\n") == 1


@pytest.mark.parametrize("name", ["bare-loop", "mcpworkload"])
def test_descriptions_can_be_read(name: str) -> None:
    """Their manifest is JSON once its placeholders are filled, and has the image where they say."""
    contender = Contender.read(Path(name))

    manifest: Any = json.loads(
        contender.workload.replace("{name}", "a").replace("{image}", "weather:1")
    )
    for part in contender.image_path:
        manifest = manifest[part]

    assert manifest == "weather:1"
    assert [child.resource.path for child in contender.children] == [
        "/apis/apps/v1/statefulsets",
        "/api/v1/services",
    ]


def test_the_floor_applies_what_the_operator_applies() -> None:
    """Every value of the workload is a placeholder, and the digest of the operator is in it."""
    service, statefulset = write_children(Contender.read(Path("bare-loop")))

    assert service["path"] == "/api/v1/namespaces/{namespace}/services/{name}"
    assert statefulset["path"] == "/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"
    for child in (service, statefulset):
        assert "bench-" not in child["body"]
        manifest = json.loads(child["body"])
        assert manifest["metadata"]["ownerReferences"][0]["uid"] == "{uid}"
        assert manifest["metadata"]["annotations"]["mcpworkload.dev/hash"]
    template = json.loads(statefulset["body"])["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "{image}"
