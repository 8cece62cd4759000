"""Does memory that was freed stay with the program, for the tensors that come next?

glibc gives blocks above 32 MB back to the system as soon as they are freed. A network asks for such blocks again with
every layer, and the system has to fill each with zeros first: windows of 592 px then ran a third slower than those of
456 px (docs/performance.md).
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Numbers of `mallopt` (malloc.h)."""
KEPT_BYTES = 2**31 - 1
LARGEST_TENSOR_BYTES = 2**30


def keep_freed_memory() -> bool:
    """Tell the C library to keep what was freed; True if it will. Others than glibc are left as they are.

    All threads share one heap, since those of other threads hold no blocks beyond 64 MB.
    """
    library = _c_library()
    if library is None or not hasattr(library, "mallopt") or not hasattr(library, "gnu_get_libc_version"):
        return False
    wanted = ((M_MMAP_THRESHOLD, LARGEST_TENSOR_BYTES), (M_TRIM_THRESHOLD, KEPT_BYTES), (M_ARENA_MAX, 1))
    return all([library.mallopt(ctypes.c_int(key), ctypes.c_int(value)) == 1 for key, value in wanted])


def _c_library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no such handle
        return None
