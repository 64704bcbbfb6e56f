"""`README.md` of an exported folder: the model card that Hugging Face's hub shows."""

from collections.abc import Mapping
from typing import Any

import c4pipe
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.config import ModelConfig

FILE_NAME = "README.md"

_CARD = """---
library_name: transformers
pipeline_tag: text2text-generation
tags:
- t5
- c4pipe
---

# {title}

A text-to-text T5 with {num_parameters:,} parameters, written by c4pipe {version}.

```python
from transformers import AutoTokenizer, T5ForConditionalGeneration

tokenizer = AutoTokenizer.from_pretrained("{folder}")
model = T5ForConditionalGeneration.from_pretrained("{folder}")
ids = model.generate(**tokenizer("{prompt}", return_tensors="pt"))
print(tokenizer.decode(ids[0], skip_special_tokens={skips}))
```

`generate` ends after {max_length:,} tokens (`max_length` in generation_config.json: the length of the longest targets
in training, if it is known). The weights are float32.

## The model

| | |
|---|---|
{shape}

## The vocabulary

SentencePiece, {num_pieces:,} pieces; ids above them are the sentinels `<extra_id_{last_sentinel}>` ... `<extra_id_0>`.
When this folder was written, `tokenizer.json` was compared with `spiece.model` on texts and on every piece. Text with
accents as separate characters (not in Unicode's form NFC) may get other ids from it, as in every fast tokenizer of T5.

## How it was trained

{training}
"""


def model_card(
    config: ModelConfig, num_parameters: int, vocabulary: Vocabulary, run: Mapping[str, Any], max_length: int
) -> str:
    """The text of the card. run: the content of `run.json` of the run that made the weights; empty if there is none."""
    command = run.get("command")
    tasks = list(run.get("validation_sets") or ())
    is_finetuned = command == "finetune"
    return _CARD.format(
        title="T5, fine-tuned" if is_finetuned else "T5, pre-trained" if command == "pretrain" else "T5",
        num_parameters=num_parameters,
        version=c4pipe.__version__,
        folder="THIS_FOLDER",
        prompt="..." if is_finetuned else "Thank you <extra_id_0> me to your party <extra_id_1> week.",
        skips=is_finetuned,
        max_length=max_length,
        shape="\n".join(f"| {name} | {value} |" for name, value in _shape(config).items()),
        num_pieces=vocabulary.num_pieces,
        last_sentinel=max(vocabulary.num_extra_ids - 1, 0),
        training=_training(run, tasks),
    )


def _shape(config: ModelConfig) -> dict[str, Any]:
    names = ("architecture", "d_model", "d_ff", "d_kv", "num_heads", "num_layers", "feed_forward", "tie_embeddings")
    values = {name: value for name, value in config.to_json().items() if name in names}
    return {**values, "embedding rows": config.vocabulary_size}


def _training(run: Mapping[str, Any], tasks: list[str]) -> str:
    if "settings" not in run:
        return "This is not known: the weights are from a Hugging Face folder. See the model card there."
    settings = run["settings"]
    examples = [str(source.get("name")) for source in run.get("examples") or () if isinstance(source, Mapping)]
    lines = [
        f"- {run.get('command', 'trained')}, {settings.get('steps', 0):,} steps of {settings.get('batch_size', 0):,} "
        f"examples, {settings.get('optimizer')}, seed {settings.get('seed')}",
        f"- examples of {', '.join(examples)}" if examples else "",
        f"- tasks: {', '.join(tasks)}" if tasks else "",
        f"- {_metric(run)}" if _metric(run) else "",
        "- all settings are in the run's run.json; the origin of data that c4pipe made is in its manifest.json",
    ]
    return "\n".join(filter(None, lines))


def _metric(run: Mapping[str, Any]) -> str:
    summary = run.get("summary") or {}
    name = (run.get("best_metric") or {}).get("name", "")
    value = summary.get(f"best_{name}", summary.get(f"last_{name}"))
    return f"{name.replace('_', ' ')}: {value:.4g}" if isinstance(value, int | float) else ""
