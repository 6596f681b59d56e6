"""glibc's allocator, set for processes that now and then hold megabytes of responses."""

import ctypes

# malloc.h; glibc raises this threshold to the size of the largest block that was freed, and then
# keeps the memory of large responses for ever (see DECISIONS.md).
M_MMAP_THRESHOLD = -3
MMAP_THRESHOLD_BYTES = 128 * 1024


def return_large_blocks() -> None:
    """Make blocks above the threshold return to the system when freed; only glibc has it."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
