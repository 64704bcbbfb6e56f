"""What a person sees while training: one moving line on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from typing import Any


class Progress:
    """Shows the step, the loss, the speed and the time left on standard error."""

    def __init__(self, first_step: int, steps: int, *, speaks: bool) -> None:
        self._first = first_step
        self._steps = steps
        self._speaks = speaks
        self._began = time.monotonic()
        self._bar: Any = None
        if speaks and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=steps, initial=first_step, unit="step", dynamic_ncols=True)

    def advance(self, step: int) -> None:
        """A step is done."""
        if self._bar is not None:
            self._bar.update(step - self._bar.n)

    def show(self, metrics: Mapping[str, Any]) -> None:
        """Say what a line of metrics says."""
        if not self._speaks:
            return
        text = describe(metrics)
        if self._bar is not None:
            self._bar.set_postfix_str(text)
            return
        step = metrics["step"]
        elapsed = time.monotonic() - self._began
        left = elapsed / (step - self._first) * (self._steps - step) if step > self._first else None
        ending = f", {duration(left)} left" if left is not None else ""
        print(f"step {step:,} of {self._steps:,}: {text}{ending}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """One line that is not about a step."""
        if not self._speaks:
            return
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


_SHOWN = {
    "mean_loss": "loss {:.4f}",
    "validation_loss": "validation {:.4f}",
    "tokens_per_second": "{:,.0f} tokens/s",
    "mfu": "{:.1%} of peak",
}


def describe(metrics: Mapping[str, Any]) -> str:
    """The figures of a line that matter at a glance.

    >>> describe({"step": 10, "mean_loss": 3.25, "tokens_per_second": 51234.0})
    'loss 3.2500, 51,234 tokens/s'
    """
    return ", ".join(form.format(metrics[name]) for name, form in _SHOWN.items() if metrics.get(name) is not None)


def duration(seconds: float) -> str:
    """
    >>> [duration(s) for s in (42, 150, 8000, 400_000)]
    ['42 s', '2 min 30 s', '2 h 13 min', '4 d 15 h']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
