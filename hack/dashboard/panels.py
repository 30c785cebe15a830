"""The rows and panels of the dashboard; Grafana replaces the variables that begin with `$`."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["stat", "timeseries", "table"]


@dataclass(frozen=True)
class Query:
    """One query of a panel, and the name of its series: labels in double braces."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One panel; *width* is in the 24 columns that Grafana has."""

    title: str
    queries: tuple[Query, ...]
    about: str
    width: int = 8
    kind: Kind = "timeseries"
    #: One of Grafana's units.
    unit: str = "short"


@dataclass(frozen=True)
class Row:
    """A heading and the panels below it, *height* units of Grafana each."""

    title: str
    panels: tuple[Panel, ...]
    height: int = 8


def _rate(metric: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{where}[$__rate_interval]))"


def _quantile(part: str, metric: str, by: str = "") -> str:
    return f"histogram_quantile({part}, {_rate(f'{metric}_bucket', f'le{by}')})"


# The metrics that each Python process has, from the operator's processes alone.
_OURS: Final = "and on (job, instance) mcpworkload_build_info"
_NAMESPACE: Final = 'namespace=~"$namespace"'

OVERVIEW: Final = Row(
    "Overview",
    (
        Panel(
            "Workloads",
            (Query("sum(mcpworkload_workloads)"),),
            "MCPWorkloads that exist.",
            4,
            "stat",
        ),
        Panel(
            "Not Ready",
            (Query(f"count(mcpworkload_ready{{{_NAMESPACE}}} == 0) or vector(0)"),),
            "Workloads that are not as their spec asks.",
            4,
            "stat",
        ),
        Panel(
            "Exits, 1 h",
            (Query(f"sum(increase(mcpworkload_unexpected_exits_total{{{_NAMESPACE}}}[1h]))"),),
            "Exits of containers that were not asked for.",
            4,
            "stat",
        ),
        Panel(
            "Longest due",
            (Query("max(mcpworkload_queue_oldest_seconds)"),),
            "For how long the workload is due that has waited longest.",
            4,
            "stat",
            "s",
        ),
        Panel(
            "Leaders",
            (Query("sum(mcpworkload_leader)"),),
            "Processes that lead: one for each installation.",
            4,
            "stat",
        ),
        Panel(
            "Versions",
            (Query("count by (version) (mcpworkload_build_info)", "{{version}}"),),
            "Processes of the operator by version; two of them in a rollout.",
            4,
            "stat",
        ),
    ),
    height=4,
)
WORKLOADS: Final = Row(
    "Workloads",
    (
        Panel(
            "By reason of Ready",
            (Query('sum by (reason) (mcpworkload_conditions{type="Ready"})', "{{reason}}"),),
            "Each workload once.",
        ),
        Panel(
            "Exits a minute, by reason",
            (Query(f"60 * {_rate('mcpworkload_exit_reasons_total', 'reason')}", "{{reason}}"),),
            "Exits that were not asked for, as the operator reports them.",
        ),
        Panel(
            "Most exits in an hour",
            (
                Query(
                    "topk(10, sum by (namespace, workload) (increase("
                    f"mcpworkload_unexpected_exits_total{{{_NAMESPACE}}}[1h])) > 0)",
                    "{{namespace}}/{{workload}}",
                ),
            ),
            "The ten workloads that exited most.",
        ),
        Panel(
            "Not as asked",
            (Query(f"mcpworkload_condition{{{_NAMESPACE}}} == 1"),),
            "The conditions that are not as the spec asks.",
            24,
            "table",
        ),
    ),
)
RECONCILES: Final = Row(
    "Reconciles",
    (
        Panel(
            "Reconciles a second",
            (Query(_rate("mcpworkload_reconciles_total", "result"), "{{result}}"),),
            "done and requeued are good; refused is an answer of 4xx, failed is none or 5xx.",
            6,
            unit="ops",
        ),
        Panel(
            "Duration",
            tuple(
                Query(_quantile(part, "mcpworkload_reconcile_duration_seconds"), name)
                for part, name in (("0.5", "p50"), ("0.99", "p99"))
            ),
            "Of one reconcile, with its requests.",
            6,
            unit="s",
        ),
        Panel(
            "Queue",
            (Query("sum by (priority) (mcpworkload_queue_depth)", "{{priority}}"),),
            "Workloads that are due and wait for a worker.",
            6,
        ),
        Panel(
            "Longest due",
            (Query("max(mcpworkload_queue_oldest_seconds)", "oldest"),),
            "For how long the workload is due that has waited longest.",
            6,
            unit="s",
        ),
    ),
)
API: Final = Row(
    "API server",
    (
        Panel(
            "Requests a second",
            (Query(_rate("mcpworkload_api_requests_total", "verb"), "{{verb}}"),),
            "All requests of the operator.",
            unit="reqps",
        ),
        Panel(
            "Most requests",
            (
                Query(
                    f"topk(10, {_rate('mcpworkload_api_requests_total', 'verb, resource')})",
                    "{{verb}} {{resource}}",
                ),
            ),
            "The ten that are most frequent.",
            unit="reqps",
        ),
        Panel(
            "Requests that failed",
            (Query(_rate("mcpworkload_api_requests_total", "code", '{code!~"2.."}'), "{{code}}"),),
            "By HTTP status; none where no response came. A 404 or a 409 may be as expected.",
            unit="reqps",
        ),
        Panel(
            "Time to a response, p99",
            (
                Query(
                    _quantile("0.99", "mcpworkload_api_request_duration_seconds", ", verb"),
                    "{{verb}}",
                ),
            ),
            "Until its head comes, without the wait before a request is sent.",
            unit="s",
        ),
        Panel(
            "In flight",
            tuple(
                Query(f"sum(mcpworkload_api_requests_{name})", name.replace("_", " "))
                for name in ("in_flight", "waiting", "limit")
            ),
            "The limit falls where the API server answers 429 or 5xx, and rises again.",
        ),
        Panel(
            "Age of watches",
            (Query("max by (resource) (mcpworkload_watch_age_seconds)", "{{resource}}"),),
            "Since something was received. The API server sends a bookmark a minute, to all "
            "watches but that of Events.",
            unit="s",
        ),
    ),
)
VERIFICATION: Final = Row(
    "Verification",
    (
        Panel(
            "Verifications a second",
            (Query(_rate("mcpworkload_verification_probes_total", "result"), "{{result}}"),),
            "Of one pod each.",
            6,
            unit="ops",
        ),
        Panel(
            "Duration, p99",
            (Query(_quantile("0.99", "mcpworkload_verification_duration_seconds"), "p99"),),
            "Of one verification.",
            6,
            unit="s",
        ),
        Panel(
            "Silent longest",
            (
                Query(
                    "topk(5, max by (namespace, workload) "
                    f"(mcpworkload_verification_age_seconds{{{_NAMESPACE}}}))",
                    "{{namespace}}/{{workload}}",
                ),
            ),
            "Since the pod answered that was silent longest.",
            6,
            unit="s",
        ),
        Panel(
            "Tools",
            (
                Query(f"sum(mcpworkload_tools{{{_NAMESPACE}}})", "tools"),
                Query("sum(increase(mcpworkload_tools_changes_total[1h]))", "changes in 1 h"),
            ),
            "Tools that all servers offer, and changes of a list of them.",
            6,
        ),
    ),
)
PROCESS: Final = Row(
    "Process",
    (
        Panel(
            "Memory",
            (
                Query("max(mcpworkload_memory_bytes)", "container"),
                Query("max(mcpworkload_memory_limit_bytes)", "limit"),
                Query(f"max(process_resident_memory_bytes {_OURS})", "resident"),
            ),
            "Of the process that takes most.",
            unit="bytes",
        ),
        Panel(
            "CPU",
            (
                Query(
                    f"sum(rate(process_cpu_seconds_total[$__rate_interval]) {_OURS})", "processes"
                ),
            ),
            "CPU seconds a second: the operator uses one core at most.",
            unit="none",
        ),
        Panel(
            "Garbage collections a second",
            (
                Query(
                    "sum by (generation) "
                    f"(rate(python_gc_collections_total[$__rate_interval]) {_OURS})",
                    "generation {{generation}}",
                ),
            ),
            "Those of generation 2 go through all objects.",
            unit="ops",
        ),
    ),
)
ROWS: Final = (OVERVIEW, WORKLOADS, RECONCILES, API, VERIFICATION, PROCESS)
