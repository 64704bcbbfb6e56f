"""Facts about a parameter that follow from its name."""


def is_adapted(name: str) -> bool:
    """Whether a parameter belongs to an adapter or to a norm.

    >>> is_adapted("encoder.layers.0.adapter.up.weight"), is_adapted("decoder.final_norm.weight")
    (True, True)
    >>> is_adapted("encoder.layers.0.feed_forward.wi.weight"), is_adapted("embedding.weight")
    (False, False)
    """
    return ".adapter." in name or name.split(".")[-2].endswith("norm")
