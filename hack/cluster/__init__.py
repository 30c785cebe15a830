"""The test cluster behind one command: whichever this machine can have, used in one way."""
