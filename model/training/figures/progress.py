"""The figures of a line of metrics that the progress line shows."""

from collections.abc import Mapping
from typing import Any

_SHOWN = {
    "mean_loss": "loss {:.4f}",
    "validation_loss": "validation loss {:.4f}",
    "validation_score": "validation score {:.2f}",
    "tokens_per_second": "{:,.0f} tokens/s",
    "mfu": "{:.1%} of peak",
}


def describe(metrics: Mapping[str, Any]) -> str:
    """The most important figures of a line, in words.

    >>> describe({"step": 10, "mean_loss": 3.25, "tokens_per_second": 51234.0})
    'loss 3.2500, 51,234 tokens/s'
    """
    return ", ".join(form.format(metrics[name]) for name, form in _SHOWN.items() if metrics.get(name) is not None)
