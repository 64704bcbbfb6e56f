import numpy as np
import pytest
import torch

from c4pipe.errors import UserError
from c4pipe.shards.stream.stream import Batch as Ids
from model.architectures.t5 import widen
from model.data.batches import Loader, as_batch, signed


def ids(position: int = 0) -> Ids:
    inputs = np.array([[60_000, 7, 1], [5, 1, 0]], dtype=np.uint16)
    return Ids(position, inputs, inputs[:, :2], np.zeros(2), np.arange(2))


def test_ids_above_the_sign_come_back_when_widened():
    values = np.array([[0, 32_767, 32_768, 65_535]], dtype=np.uint16)
    assert widen(signed(values)).tolist() == values.tolist()
    wide = np.array([[70_000, 250_099]], dtype=np.uint32)
    assert widen(signed(wide)).tolist() == wide.tolist()


def test_a_batch_counts_its_tokens_and_numbers_its_rows():
    batch = as_batch(ids(), first_number=40)
    assert (batch.num_tokens, batch.inputs_are_full, batch.numbers.tolist()) == (9, False, [40, 41])
    assert batch.inputs.dtype == torch.int16
    assert batch.part(1, 2).numbers.tolist() == [41]


def test_a_loader_gives_the_batches_in_order_then_the_error_of_the_stream():
    def stream():
        for position in range(3):
            yield ids(position)
        raise UserError("the shard is cut")

    loader = Loader(stream(), lambda batch: as_batch(batch, batch.position), device=torch.device("cpu"), ahead=2)
    assert [int(loader.next().numbers[0]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(UserError, match="cut"):
        loader.next()
    loader.close()


def test_closing_a_loader_ends_the_stream():
    closed = []

    def stream():
        try:
            while True:
                yield ids()
        finally:
            closed.append(True)

    loader = Loader(stream(), lambda batch: as_batch(batch, 0), device=torch.device("cpu"))
    loader.next()
    loader.close()
    assert closed == [True]
