"""The part of the process's memory that the C library keeps."""

import ctypes


def trim_heap() -> None:
    """
    Return memory that was freed to the kernel, where the C library can (glibc).

    The lists at the start leave holes behind that are never filled again: 5 MB with 3,000
    workloads (tests/perf/memory.py, with and without).
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
