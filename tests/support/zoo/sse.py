"""Servers of HTTP+SSE whose stream is not as it should be."""

from tests.support.zoo.cage import Animal, Request, Visit, over_http
from tests.support.zoo.tame import SSE, OldTransport, make_event, make_result


async def _begin_with_message(visit: Visit, _: Request) -> None:
    await visit.begin_events()
    await visit.write(make_event(make_result(1)))
    await visit.until_left()


async def _end_stream(visit: Visit) -> None:
    await visit.read()
    await visit.begin_events()
    await visit.write(b"event: endpoint\r\ndata: /messages\r\n\r\n")


ANIMALS = (
    Animal(
        "sse-elsewhere",
        "names an endpoint on another host",
        over_http(OldTransport("{elsewhere}/messages?session={session}")),
        SSE,
    ),
    Animal(
        "sse-other-port",
        "names an endpoint on another port",
        over_http(OldTransport("http://127.0.0.1:9/messages?session={session}")),
        SSE,
    ),
    Animal(
        "sse-no-endpoint", "begins its stream with a message", over_http(_begin_with_message), SSE
    ),
    Animal(
        "sse-odd-endpoint",
        "names an endpoint that is no path",
        over_http(OldTransport("ht!tp://[::{session}")),
        SSE,
    ),
    Animal("sse-ends", "ends its stream after the endpoint", _end_stream, SSE),
)
