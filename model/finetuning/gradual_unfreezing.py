"""Gradual unfreezing (Howard and Ruder 2018; paper, section 3.5.1).

The steps are divided into one episode per layer. In the first episode, the top layers of encoder and decoder train;
each further episode adds the next lower layer of both. Embedding, head and final norms always train. A stack's position
bias belongs to its first layer, as in the paper's code. Frozen parameters stay the same bit for bit, and have no
optimizer state until they train.
"""

from collections.abc import Sequence

from model.architectures.config import ModelConfig
from model.finetuning.method import Method, MethodSettings, unchanged


def trains(config: ModelConfig, names: Sequence[str], settings: MethodSettings, step: int) -> frozenset[str]:
    """As many top layers of each stack as episodes have begun, and the parameters that belong to no layer."""
    del config
    depths = stack_depths(names)
    num_episodes = max(depths.values(), default=1)
    open_layers = episode_of(step, settings.steps, num_episodes) + 1
    return frozenset(name for name in names if _height(name, depths) < open_layers)


def episode_of(step: int, steps: int, num_episodes: int) -> int:
    """The episode (counted from 0) of a step (counted from 1). The lengths of episodes differ by at most one step.

    >>> [episode_of(step, 10, 4) for step in range(1, 11)]
    [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    """
    return (step - 1) * num_episodes // steps


def stack_depths(names: Sequence[str]) -> dict[str, int]:
    """The number of layers of each stack.

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
    """How many layers are above the layer of a parameter; -1 if the parameter belongs to no layer."""
    place = _place(name)
    return -1 if place is None else depths[place[0]] - 1 - place[1]


def _place(name: str) -> tuple[str, int] | None:
    """(stack, layer) of a parameter; None if it belongs to no layer."""
    parts = name.split(".")
    if len(parts) > 3 and parts[1] == "layers":
        return parts[0], int(parts[2])
    return (parts[0], 0) if parts[1] == "position_bias" else None


METHOD = Method("gradual_unfreezing", extend=unchanged, trains=trains, learning_rate=1e-3, follows_steps=True)
