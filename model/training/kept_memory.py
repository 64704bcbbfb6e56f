"""Memory that the C library keeps between the steps of a training on the CPU.

glibc gets each large tensor from the system as new pages and gives it back when the tensor is freed. At 512 inputs,
the scores of an attention layer are such a tensor, and the system clears new pages for it in each layer and step. With
these settings a freed tensor stays in the process for the next one.

The price is memory: freed space is reused less well, so that the peak is higher by about a tenth (`t5_small`, 4 rows of
512/114: 2,242 instead of 2,044 MB), and between the peaks the process gives nothing back.
"""

import ctypes
import os
import platform

import torch

# The numbers of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_TOP_PAD_BYTES = 64 << 20
_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_")


def keep_memory(device: torch.device) -> bool:
    """Let glibc keep freed memory for a training on the CPU. Returns: whether it does so now.

    Nothing is done on a GPU, with another C library, or if the user has set glibc's variables for it. Another allocator
    that is loaded before glibc's, such as jemalloc, is not affected.
    """
    if device.type != "cpu" or platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _VARIABLES):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    # No mapping of single tensors; never shrink; grow by 64 MB at least. Only together do they help.
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1), (_M_TOP_PAD, _TOP_PAD_BYTES))
    return [mallopt(name, value) for name, value in settings] == [1, 1, 1]
