"""The loss curve of a run, with the entropy that a model reaches without reading its inputs."""

from collections.abc import Mapping, Sequence
from typing import Any

from tools.pictures.drawing import Drawing, Point, Theme

_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 392.0, 40.0, 262.0


def curve(theme: Theme, metrics: Sequence[Mapping[str, Any]], order_0_entropy: float) -> Drawing:
    """Training and validation loss per step. metrics: the lines of metrics.jsonl. order_0_entropy: in nats."""
    picture = Drawing(theme, 400, 300, "Loss of the demo's training, per step")
    picture.text((0, 18), "Loss (nats per target token)", theme.ink, size=15, bold=True)
    last = metrics[-1]["step"]
    training = [(line["step"], line["mean_loss"]) for line in metrics if line.get("mean_loss") is not None]
    validation = [(line["step"], line["validation_loss"]) for line in metrics if "validation_loss" in line]
    losses = [loss for _, loss in [*training, *validation]] + [order_0_entropy]
    low, high = int(min(losses)), int(max(losses)) + 1

    def place(step: float, loss: float) -> Point:
        return (
            _LEFT + (_RIGHT - _LEFT) * step / last,
            _BOTTOM - (_BOTTOM - _TOP) * (loss - low) / (high - low),
        )

    for loss in range(low, high + 1):
        picture.line([place(0, loss), place(last, loss)], theme.line, width=0.5)
        picture.text((_LEFT - 8, place(0, loss)[1] + 4), str(loss), theme.soft, size=12, anchor="end")
    for quarter in range(5):
        step = last * quarter // 4
        anchor = "end" if quarter == 4 else "middle"
        picture.text((place(step, low)[0], _BOTTOM + 18), f"{step:,}", theme.soft, size=12, anchor=anchor)
    picture.text(((_LEFT + _RIGHT) / 2, _BOTTOM + 36), "step", theme.soft, size=12, anchor="middle")
    picture.line([place(0, order_0_entropy), place(last, order_0_entropy)], theme.drop, dashes="5 4")
    picture.line([place(*point) for point in training], theme.soft)
    picture.line([place(*point) for point in validation], theme.accent, width=2)
    for point in validation:
        picture.dot(place(*point), theme.accent)
    for number, (name, colour) in enumerate(
        [
            (f"validation, {validation[-1][1]:.2f} at the end", theme.accent),
            ("training", theme.soft),
            (f"entropy of the targets, {order_0_entropy:.2f}", theme.drop),
        ]
    ):
        picture.text((_RIGHT, _TOP + 18 + 19 * number), name, colour, size=13, anchor="end")
    return picture
