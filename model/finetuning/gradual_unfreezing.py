"""Gradual unfreezing (Howard and Ruder 2018; paper, section 3.5.1).

The steps are cut into one episode a layer. In the first, the top layer of the encoder and the top layer of the decoder
train; each further episode adds the layer below in both. Embedding and head train always, and so do the final norms,
which lie above the top layers; a stack's position bias belongs to its first layer, where the paper's code keeps it.
What is frozen stays as it was, bit for bit, and its optimizer state begins when it trains.
"""

from collections.abc import Sequence

from model.architectures.config import ModelConfig
from model.finetuning.method import Method, MethodSettings, unchanged


def trains(config: ModelConfig, names: Sequence[str], settings: MethodSettings, step: int) -> frozenset[str]:
    """The top layers of each stack, as many as episodes have begun, and what lies above layers."""
    del config
    depths = stack_depths(names)
    num_episodes = max(depths.values(), default=1)
    open_layers = episode_of(step, settings.steps, num_episodes) + 1
    return frozenset(name for name in names if _height(name, depths) < open_layers)


def episode_of(step: int, steps: int, num_episodes: int) -> int:
    """The episode, from 0, of a step, from 1. Episodes are equally long, to within one step.

    >>> [episode_of(step, 10, 4) for step in range(1, 11)]
    [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    """
    return (step - 1) * num_episodes // steps


def stack_depths(names: Sequence[str]) -> dict[str, int]:
    """Layers of each stack.

    >>> stack_depths(["encoder.layers.0.feed_forward.wi.weight", "encoder.layers.1.x.weight", "embedding.weight"])
    {'encoder': 2}
    """
    depths: dict[str, int] = {}
    for name in names:
        place = _place(name)
        if place is not None:
            depths[place[0]] = max(depths.get(place[0], 0), place[1] + 1)
    return depths


def _height(name: str, depths: dict[str, int]) -> int:
    """Layers above a parameter's own; -1 for what lies above them all."""
    place = _place(name)
    return -1 if place is None else depths[place[0]] - 1 - place[1]


def _place(name: str) -> tuple[str, int] | None:
    """(stack, layer) of a parameter, None for what belongs to no layer."""
    parts = name.split(".")
    if len(parts) > 3 and parts[1] == "layers":
        return parts[0], int(parts[2])
    return (parts[0], 0) if parts[1] == "position_bias" else None


METHOD = Method("gradual_unfreezing", extend=unchanged, trains=trains, learning_rate=1e-3, follows_steps=True)
