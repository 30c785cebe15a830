"""A row of the troubleshooting page's table of servers that are not verified."""

from dataclasses import dataclass

from mcpworkload.verification.finding import Result


@dataclass(frozen=True)
class Row:
    """One kind of misbehaviour."""

    does: str
    result: Result
    #: What the message has to have, of each of the animals.
    says: tuple[str, ...]
    remedy: str
    #: Their names, with spaces.
    names: str

    @property
    def animals(self) -> list[str]:
        """Their names."""
        return self.names.split()
