"""How much, and for how long: small sizes by default, those of `make faults` by the environment."""

import os

WORKLOADS = int(os.environ.get("FAULTS_WORKLOADS", "50"))
#: For how long watches are cut.
CUT_SECONDS = float(os.environ.get("FAULTS_CUT_SECONDS", "15"))
#: For how long another controller fights for a field.
FIGHT_SECONDS = float(os.environ.get("FAULTS_FIGHT_SECONDS", "60"))
#: Nobody touches a workload for so long before its watches go silent.
IDLE_SECONDS = float(os.environ.get("FAULTS_IDLE_SECONDS", "5"))
#: Within so many seconds after convergence nothing is written.
QUIET_SECONDS = float(os.environ.get("FAULTS_QUIET_SECONDS", "5"))
#: How many operators are disturbed at the same time, each with a namespace of its own.
AT_ONCE = int(os.environ.get("FAULTS_AT_ONCE", "8"))
SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
SOAK_WORKLOADS = int(os.environ.get("SOAK_WORKLOADS", "30"))
#: All has to be well so many seconds after the fault is over; on a busy machine it takes long.
SETTLE_SECONDS = 180.0 + WORKLOADS * 0.3


def names(count: int = WORKLOADS) -> list[str]:
    """The names of that many workloads."""
    return [f"w{number}" for number in range(count)]
