"""All fine-tuning methods by name."""

from model.finetuning import adapters, all_parameters, gradual_unfreezing
from model.finetuning.method import Method

METHODS: dict[str, Method] = {
    "all_parameters": all_parameters.METHOD,
    "adapters": adapters.METHOD,
    "gradual_unfreezing": gradual_unfreezing.METHOD,
}
