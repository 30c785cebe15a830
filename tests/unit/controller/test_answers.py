"""What stands of a server after each of its answers, and when it is asked again."""

from dataclasses import replace

import pytest

from mcpworkload.controller.answers import PodAnswer
from mcpworkload.verification.finding import Finding, Result, Server, ToolList

WEATHER = Server("modern", "2026-07-28", name="weather", version="1")
OK = Finding(Result.HANDSHAKE_OK, server=WEATHER)
INTERVAL = 300.0


def failed(result: Result) -> Finding:
    """A verification that came to nothing."""
    return Finding(result, f"it is {result}")


NOT_MCP, AUTH = failed(Result.NOT_MCP), failed(Result.AUTH_REQUIRED)
UNREACHABLE = failed(Result.UNREACHABLE)


def after(*findings: tuple[float, Finding], is_older: bool = False) -> PodAnswer:
    """The answer after *findings*, each at its second."""
    answer = PodAnswer(is_older=is_older)
    for second, finding in findings:
        answer = answer.after(finding, second, second)
    return answer


@pytest.mark.parametrize(
    ("findings", "result"),
    [
        pytest.param([], None, id="nothing is known"),
        pytest.param([(1, OK)], Result.HANDSHAKE_OK, id="it answers"),
        pytest.param([(1, NOT_MCP)], None, id="one failure of a young server"),
        pytest.param([(1, NOT_MCP), (10.9, NOT_MCP)], None, id="its patience lasts"),
        pytest.param([(1, NOT_MCP), (11, NOT_MCP)], Result.NOT_MCP, id="its patience is over"),
        pytest.param([(1, NOT_MCP), (4, OK)], Result.HANDSHAKE_OK, id="it needed three seconds"),
        pytest.param([(1, AUTH)], Result.AUTH_REQUIRED, id="who asks is not known"),
        pytest.param([(1, UNREACHABLE)], None, id="one failed connection"),
        pytest.param([(1, UNREACHABLE), (4, UNREACHABLE)], Result.UNREACHABLE, id="two of them"),
        pytest.param([(1, OK), (301, NOT_MCP)], Result.HANDSHAKE_OK, id="one failure later"),
        pytest.param([(1, OK), (301, AUTH)], Result.HANDSHAKE_OK, id="one refusal later"),
        pytest.param([(1, OK), (301, NOT_MCP), (311, NOT_MCP)], Result.NOT_MCP, id="two later"),
        pytest.param(
            [(1, OK), (301, NOT_MCP), (311, OK), (611, NOT_MCP)],
            Result.HANDSHAKE_OK,
            id="two later, not in a row",
        ),
        pytest.param(
            [(1, NOT_MCP), (12, NOT_MCP), (22, OK)], Result.HANDSHAKE_OK, id="it has recovered"
        ),
    ],
)
def test_what_stands(findings: list[tuple[float, Finding]], result: Result | None) -> None:
    """A failure lowers what was true when it was the second in a row."""
    assert after(*findings).result == result


def test_what_the_status_says_stands_until_an_older_server_has_answered() -> None:
    """Or has failed twice; a restart of the operator is no news about servers."""
    older = after(is_older=True)

    assert (older.is_presumed, older.is_pending) == (True, False)
    assert after((1, NOT_MCP), is_older=True).is_presumed
    assert after((1, NOT_MCP), (11, NOT_MCP), is_older=True).is_wrong
    assert not after((1, OK), is_older=True).is_presumed


def test_a_silent_server_is_young_from_the_first_question_on() -> None:
    """Not from the end of the first wait for an answer."""
    answer = PodAnswer().after(NOT_MCP, 1.0, 11.0)

    assert answer.after(NOT_MCP, 11.25, 11.5).is_wrong


def test_a_list_that_was_not_read_to_its_end_takes_nothing_away() -> None:
    """A slow answer is no other list; twice in a row, it is what is known."""
    whole = replace(WEATHER, tools=ToolList(9, "sha256:a", {}))
    part = Finding(Result.HANDSHAKE_OK, server=replace(WEATHER, tools=ToolList(3, "", {})))
    known = after((1, Finding(Result.HANDSHAKE_OK, server=whole)))

    assert known.after(part, 300, 301).server == whole
    assert known.after(part, 300, 301).after(part, 310, 311).server == part.server


@pytest.mark.parametrize("result", list(Result))
def test_who_is_wrong(result: Result) -> None:
    """What is about the operator rather than the server is not."""
    neutral = (Result.HANDSHAKE_OK, Result.AUTH_REQUIRED, Result.UNREACHABLE)

    assert PodAnswer(result=result).is_wrong == (result not in neutral)
    assert not PodAnswer().is_wrong


def test_the_identity_outlives_a_failure() -> None:
    """It is what the server said last."""
    assert after((1, OK), (301, NOT_MCP), (311, NOT_MCP)).server == WEATHER


@pytest.mark.parametrize(
    ("answer", "now", "pause"),
    [
        pytest.param(after((1, OK)), 1, INTERVAL, id="after an answer"),
        pytest.param(after((1, NOT_MCP)), 1, 0.25, id="young"),
        pytest.param(after((1, NOT_MCP), (2, NOT_MCP), (3, NOT_MCP)), 3, 1.0, id="still young"),
        pytest.param(replace(after((1, NOT_MCP)), failures=9), 9, 2.0, id="at most two seconds"),
        pytest.param(after((1, OK), (301, NOT_MCP)), 301, 10.0, id="to be sure"),
        pytest.param(after((1, NOT_MCP), (12, NOT_MCP)), 12, 10.0, id="wrong"),
        pytest.param(replace(after((1, OK), (2, NOT_MCP)), failures=4), 2, 40.0, id="for long"),
        pytest.param(replace(after((1, OK), (2, NOT_MCP)), failures=99), 2, 300.0, id="for ever"),
    ],
)
def test_when_it_is_asked_again(answer: PodAnswer, now: float, pause: float) -> None:
    """Soon while it starts, then more and more rarely, and never never."""
    assert answer.pause(INTERVAL, now) == pause


def test_one_answer_is_enough_where_no_interval_is_asked_for() -> None:
    """But a failure is no answer."""
    assert after((1, OK)).pause(None, 1) is None
    assert after((1, NOT_MCP), (12, NOT_MCP)).pause(None, 12) == 10.0


def test_a_short_interval_is_no_reason_to_ask_a_wrong_server_more_often() -> None:
    """Ten seconds at least."""
    wrong = after((1, NOT_MCP), (12, NOT_MCP))

    assert replace(wrong, failures=50).pause(1.0, 12) == 10.0
