"""What the tests on a cluster share: finding it, talking to it, waiting, counting writes."""
