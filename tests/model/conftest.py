"""What the model's tests share."""

import torch

# Matrices here are tiny. Beside other processes, two OpenMP threads wait for each other longer than they compute:
# the tests of generation took 56 s with two threads and 8 s with one, on two busy cores.
torch.set_num_threads(1)
