"""The Triton kernels equal plain attention; without a GPU, they run in Triton's interpreter."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

# The interpreter knows no products of bfloat16. It is chosen when the kernels are defined, hence another process.
MEASURE = """
import json, torch
from model.architectures.attention import kernel_error
from model.architectures.triton_attention import shared_bias_attention
errors = {}
for dtype in (torch.float32, torch.float16):
    for heads, features in ((2, 16), (1, 64)):
        errors[f"{dtype} {heads} {features}"] = kernel_error(
            shared_bias_attention,
            torch.device("cpu"),
            dtype,
            num_heads=heads,
            d_kv=features,
            num_queries=133,
            num_keys=70,
        )
print(json.dumps(errors))
"""


def test_outputs_and_gradients_are_those_of_plain_attention():
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr[-2000:]
    errors = json.loads(result.stdout)
    assert len(errors) == 4
    for name, error in errors.items():
        assert error < (1e-5 if "float32" in name else 2e-3), (name, error)
