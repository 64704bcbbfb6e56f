"""Settings of glibc's malloc for Python workers, as environment variables. Other allocators ignore them.

By default, each thread of a worker has heaps of its own, and all heaps keep memory that was freed. With these settings,
all threads share one heap, and large arrays are given back to the system as soon as they are freed.
"""

VARIABLES = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 20),
}
