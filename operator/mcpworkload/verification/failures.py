"""Why a way to ask a server came to nothing: the errors inside this package."""

from enum import Enum, auto

from mcpworkload.verification.answer import Answer
from mcpworkload.verification.finding import Result


class Sign(Enum):
    """What hints at a cause, where there is no answer."""

    NONE = auto()
    #: The connection was closed, or what came is no HTTP.
    CLOSED = auto()
    #: There was no TLS where it was wanted.
    NO_TLS = auto()
    #: There was no connection in time, or no TLS on it.
    SLOW = auto()


class Failed(Exception):
    """The verification is over, and the server is not what it should be."""

    def __init__(
        self,
        result: Result,
        words: str,
        sign: Sign = Sign.NONE,
        answer: Answer | None = None,
    ) -> None:
        super().__init__(words)
        #: Such as `was answered with 404`: what follows the request in a sentence.
        self.result, self.words = result, words
        self.sign, self.answer = sign, answer
        #: The request that failed, once that is known.
        self.asked = ""


class Refused(Failed):
    """The server does not answer this way of asking; it may answer another."""


class OverBudget(Failed):
    """The server sends more than is read of all its answers."""
