"""A freed tensor stays in the process, so that the next one needs no new pages."""

import platform
import subprocess
import sys

import pytest
import torch

from model.training.kept_memory import keep_memory

SCRIPT = """
import resource
import torch
from model.training.kept_memory import keep_memory

torch.set_num_threads(1)
if {keeps}:
    assert keep_memory(torch.device("cpu"))
for _ in range(10):  # the heap grows to its size
    torch.ones(12_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    torch.ones(12_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(keeps, **variables):
    environment = {"PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path)), **variables}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(keeps=keeps)], env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_tensors_of_48_megabytes_are_made_without_new_pages():
    assert page_faults(True) < page_faults(False) / 10


def test_nothing_is_changed_for_a_gpu_or_where_the_user_has_chosen(monkeypatch):
    assert not keep_memory(torch.device("cuda"))
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000")
    assert not keep_memory(torch.device("cpu"))


def test_nothing_is_changed_with_another_c_library(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_memory(torch.device("cpu"))
