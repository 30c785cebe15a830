"""The limits of the HTTP server: bytes, connections and seconds that clients may take."""

from mcpworkload.protocol.memory import room

HEAD_LIMIT_BYTES = 64 * 1024
HEAD_LIMIT_FIELDS = 128
#: What comes after a head and is no body (heads and extensions of chunks, trailers): so much at a
#: stretch, and in all so much and as much as the body has, which chunks of 8 bytes keep to.
FRAMING_LIMIT_BYTES = 64 * 1024
#: All heads and trailers together that are on their way. Beyond it, only small ones are taken.
HEADS_LIMIT_BYTES = 16 * 1024 * 1024
SMALL_HEAD_BYTES = 8 * 1024
#: Both are less where the container's memory is small, as `room` says.
BODY_LIMIT_BYTES = room(32 * 1024 * 1024)
#: All bodies together that are on their way or not answered yet, so that many clients can't fill
#: the memory. Beyond it, only small ones are taken: large ones are no reason to refuse those.
BODIES_LIMIT_BYTES = room(96 * 1024 * 1024)
SMALL_BODY_BYTES = 64 * 1024
MAX_CONNECTIONS = 2048
#: So many connections at most are kept free of requests that take long, an eighth if that is
#: less: on these, probes are answered and others refused.
SPARE_CONNECTIONS = 32

#: What is read at a time: where a head may begin in it, and of a body whose length is known.
PIECE_BYTES = 4 * 1024
READ_BYTES = 256 * 1024

HEAD_SECONDS = 10.0
#: A body is cut that stops for so long, or is not complete after the second time.
BODY_SECONDS = 15.0
BODY_TOTAL_SECONDS = 120.0
IDLE_SECONDS = 75.0
#: A client that takes less than this of what is sent to it, for so long, is cut.
WRITE_BYTES = 1024 * 1024
WRITE_SECONDS = 60.0
#: What still comes after a refusal is read for so long, or the refusal could get lost with it; but
#: no more than a body may have.
DISCARD_SECONDS = 2.0
