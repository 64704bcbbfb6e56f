"""One decoder of `bench_generation.py` in a process of its own. It decodes once for each line that it reads.

    python benchmarks/generation/decoder.py '{"system": "c4pipe", ...}'

The modules of c4pipe come from PYTHONPATH, so that an earlier commit can be measured too. So this file uses only
functions that earlier commits also have.
"""

import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.turns import stopwatch
from model.architectures.catalog import build_model
from model.architectures.presets import preset
from model.architectures.t5 import T5Model
from model.generation.generate import generate_ids

Decode = Callable[[int], list[list[int]]]
"""Number of beams -> the targets of each example."""
LENGTH_PENALTY = 0.6


def inputs_of(settings: dict[str, Any]) -> list[list[int]]:
    """Random ids, of lengths between a quarter of the longest and the longest."""
    chance, longest = random.Random(0), settings["inputs_length"]
    lengths = [chance.randint(max(1, longest // 4), longest) for _ in range(settings["examples"])]
    return [[chance.randint(3, settings["vocabulary_size"] - 128) for _ in range(n - 1)] + [1] for n in lengths]


def c4pipe(model: T5Model, settings: dict[str, Any]) -> Decode:
    inputs = inputs_of(settings)

    def decode(num_beams: int) -> list[list[int]]:
        return generate_ids(
            model,
            inputs,
            max_length=settings["max_length"],
            num_beams=num_beams,
            length_penalty=LENGTH_PENALTY,
            batch_size=settings["batch_size"],
        )

    return decode


def transformers(model: T5Model, settings: dict[str, Any]) -> Decode:
    from benchmarks.hugging_face_peer import hugging_face_peer

    theirs = hugging_face_peer(model.config, dict(model.named_parameters())).eval()
    inputs = inputs_of(settings)
    order = sorted(range(len(inputs)), key=lambda index: len(inputs[index]), reverse=True)

    @torch.inference_mode()
    def decode(num_beams: int) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in inputs]
        more = {"num_beams": num_beams, "length_penalty": LENGTH_PENALTY} if num_beams > 1 else {}
        for start in range(0, len(order), settings["batch_size"]):
            chosen = order[start : start + settings["batch_size"]]
            rows = [torch.tensor(inputs[index]) for index in chosen]
            ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
            outputs = theirs.generate(
                input_ids=ids,
                attention_mask=(ids != 0).long(),
                max_new_tokens=settings["max_length"],
                do_sample=False,
                **more,
            )
            for index, row in zip(chosen, outputs[:, 1:].tolist(), strict=True):
                found[index] = [token for token in row if token not in (0, 1)]
        return found

    return decode


def ctranslate2(model: T5Model, settings: dict[str, Any]) -> Decode:
    import ctranslate2 as library
    from ctranslate2.converters import TransformersConverter

    from benchmarks.hugging_face_peer import save_hugging_face_peer

    class Converter(TransformersConverter):
        """Needs no tokenizer: the token of id 7 is `7`."""

        def load_tokenizer(self, tokenizer_class: Any, name: str, **_: Any) -> Any:
            del tokenizer_class, name
            return _NumberedTokens(model.config.vocabulary_size)

    with tempfile.TemporaryDirectory() as folder:
        save_hugging_face_peer(folder, model.config, dict(model.named_parameters()))
        converted = str(Path(folder, "converted"))
        Converter(folder).convert(converted)
        translator = library.Translator(
            converted, device="cpu", compute_type="float32", inter_threads=1, intra_threads=settings["threads"]
        )
    inputs = [[str(token) for token in ids] for ids in inputs_of(settings)]

    def decode(num_beams: int) -> list[list[int]]:
        outputs = translator.translate_batch(
            inputs,
            max_batch_size=settings["batch_size"],
            beam_size=num_beams,
            length_penalty=LENGTH_PENALTY,
            max_decoding_length=settings["max_length"],
        )
        return [[int(token) for token in output.hypotheses[0] if token not in ("0", "1")] for output in outputs]

    return decode


class _NumberedTokens:
    """The parts of a tokenizer that ctranslate2's converter uses."""

    pad_token, eos_token, unk_token, bos_token = "0", "1", "2", None
    additional_special_tokens: tuple[str, ...] = ()

    def __init__(self, size: int) -> None:
        self._size = size

    def convert_ids_to_tokens(self, index: int) -> str:
        return str(index)

    def get_vocab(self) -> dict[str, int]:
        return {str(index): index for index in range(self._size)}


SYSTEMS = {"c4pipe": c4pipe, "transformers": transformers, "ctranslate2": ctranslate2}


def main() -> None:
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(settings["threads"])
    config = preset(settings["preset"], vocabulary_size=settings["vocabulary_size"])
    model = build_model(config, seed=0).eval().requires_grad_(False)
    decode = SYSTEMS[settings["system"]](model, settings)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        read = stopwatch()
        targets = decode(int(line))
        print(json.dumps({"targets": targets, **read()}), flush=True)


if __name__ == "__main__":
    main()
