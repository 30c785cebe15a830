"""How much of a client's data and time is taken."""

HEAD_LIMIT_BYTES = 64 * 1024
HEAD_LIMIT_FIELDS = 128
BODY_LIMIT_BYTES = 32 * 1024 * 1024
#: All bodies together that are on their way or not answered yet, so that many clients can't fill
#: the memory. Beyond it, only small ones are taken: large ones are no reason to refuse those.
BODIES_LIMIT_BYTES = 96 * 1024 * 1024
SMALL_BODY_BYTES = 64 * 1024
MAX_CONNECTIONS = 2048
#: Requests that may wait on one connection while another one is answered.
MAX_PIPELINED = 16

HEAD_SECONDS = 10.0
#: A body is cut that stops for so long, or is not complete after the second time.
BODY_SECONDS = 15.0
BODY_TOTAL_SECONDS = 120.0
IDLE_SECONDS = 75.0
#: A client that takes less than this of what is sent to it, for so long, is cut.
WRITE_BYTES = 1024 * 1024
WRITE_SECONDS = 60.0
#: What still comes after a refusal is read for so long, or the refusal could get lost with it.
DISCARD_SECONDS = 2.0
