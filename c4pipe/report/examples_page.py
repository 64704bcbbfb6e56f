"""The page of a folder of example shards: lengths, noise, padding, and a few examples to look at."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from c4pipe.objectives.catalog import OBJECTIVES
from c4pipe.report import html
from c4pipe.report.html import Section, page, plot, render, table, tiles
from c4pipe.shards import files
from c4pipe.shards.example_shards import ExampleShard
from c4pipe.shards.manifest import Manifest
from c4pipe.vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

NUM_DRAWN = 8
Lengths = tuple[Sequence[int], Sequence[int]]
"""The numbers of examples per length (0, 1, ...), of inputs and of targets."""


def examples_page(folder: str, made: Manifest, lengths: Lengths, vocabulary: Vocabulary) -> str:
    """The HTML page of a folder. made: its manifest."""
    settings = made.settings
    sections = [
        Section("At a glance", _glance(made, lengths)),
        Section("Lengths", _lengths(made, lengths)),
        *([Section("Denoisers", _denoisers(made))] if "denoisers" in settings else []),
        Section("Counts", _counts(made)),
        Section("Drawn examples", _drawn(folder, made, vocabulary)),
        Section("Settings", html.settings({name: value for name, value in settings.items() if name != "denoisers"})),
        Section("Shards", _shards(made)),
    ]
    return page("Examples", _subtitle(settings), sections)


def _subtitle(settings: Mapping[str, Any]) -> str:
    if "denoisers" in settings:
        return f"{settings['objective']}: a mixture of {len(settings['denoisers'])} denoisers"
    objective = OBJECTIVES[settings["objective"]]
    table = f" (Table {objective.table} of the paper)" if objective.table else ""
    return f"{objective.name}: {objective.summary}{table}"


def _totals(made: Manifest) -> dict[str, int]:
    counts = made.statistics["counts"].values()
    return {
        name: sum(found.get(name, 0) for found in counts) for name in sorted({n for found in counts for n in found})
    }


def _glance(made: Manifest, lengths: Lengths) -> "Markup":
    total = _totals(made)
    examples, raw = total.get("examples", 0), total.get("raw_tokens", 0)
    room = examples * (made.settings["inputs_length"] + made.settings["targets_length"])
    used = total.get("input_tokens", 0) + total.get("target_tokens", 0)
    num_bytes = sum(shard.bytes for shards in made.splits.values() for shard in shards)
    return tiles(
        [
            ("examples", examples),
            ("raw tokens", raw),
            ("share of noise", f"{_share(total.get('noise_tokens', 0), raw):.2%}"),
            ("noise spans per example", f"{_share(total.get('noise_spans', 0), examples):.2f}"),
            ("padding of a batch at full lengths", f"{1 - _share(used, room):.2%}"),
            ("bytes per raw token on disk", f"{_share(num_bytes, raw):.3f}"),
            ("pages", total.get("pages", 0)),
        ]
    )


def _lengths(made: Manifest, lengths: Lengths) -> "Markup":
    settings = made.settings
    rows = []
    for name, room, histogram in (
        ("inputs", settings["inputs_length"], lengths[0]),
        ("targets", settings["targets_length"], lengths[1]),
    ):
        counts = np.asarray(histogram, dtype=np.int64)
        total = int(counts.sum())
        if not total:
            continue
        reached = np.cumsum(counts)
        at = [int(np.searchsorted(reached, share * total)) for share in (0.01, 0.5, 0.99)]
        mean = float((counts * np.arange(len(counts))).sum() / total)
        rows.append((name, room, mean, *at, f"{_share(int(counts[-1]), total):.1%}"))
    headers = ("", "room", "mean", "1%", "median", "99%", "full")

    def draw(axes: "Axes") -> None:
        for name, histogram in zip(("inputs", "targets"), lengths, strict=True):
            counts = np.asarray(histogram, dtype=float)
            if counts.sum():
                axes.step(np.arange(len(counts)), np.cumsum(counts) / counts.sum(), where="post", label=name)
        axes.set_xlabel("length in tokens, including EOS")
        axes.set_ylabel("share of examples\nup to this length")
        axes.legend(frameon=False)

    tokens = f"{'up to ' if 'denoisers' in settings else ''}{settings['tokens_length']:,}"
    note = (
        f"A full example takes {tokens} raw tokens. Its inputs have room for {settings['inputs_length']:,} tokens, and "
        f"its targets for {settings['targets_length']:,}."
    )
    return render("<p>{{ note }}</p>{{ table }}{{ plot }}", note=note, table=table(headers, rows), plot=plot(draw))


def _denoisers(made: Manifest) -> "Markup":
    counts = _totals(made)
    examples = counts.get("examples", 0)
    rates = sum(denoiser["rate"] for denoiser in made.settings["denoisers"])
    rows = []
    for denoiser in made.settings["denoisers"]:
        own = {name: counts.get(f"{name}/{denoiser['name']}", 0) for name in (*_BY_DENOISER, "examples", "raw_tokens")}
        mean, density = denoiser["mean_noise_span_length"], denoiser["noise_density"]
        rows.append(
            (
                denoiser["name"],
                denoiser["objective"],
                denoiser.get("prefix", ""),
                "" if mean is None else f"{mean:g}",
                "" if density is None else f"{density:g}",
                denoiser["tokens_length"],
                f"{denoiser['rate'] / rates:.2%}",
                f"{_share(own['examples'], examples):.2%}",
                own["examples"],
                own["raw_tokens"],
                f"{_share(own['noise_tokens'], own['raw_tokens']):.2%}",
                *(round(_share(own[name], own["examples"]), 1) for name in ("input_tokens", "target_tokens")),
                own["overflowed"],
                own["trimmed_inputs"] + own["trimmed_targets"],
            )
        )
    headers: tuple[str, ...] = (
        "denoiser",
        "objective",
        "prefix",
        "mean span",
        "density",
        "tokens of a full example",
        "rate",
        "share",
    )
    headers += ("examples", "raw tokens", "noise", "mean inputs", "mean targets", "overflowed", "trimmed")
    return table(headers, rows)


_BY_DENOISER = ("noise_tokens", "input_tokens", "target_tokens", "overflowed", "trimmed_inputs", "trimmed_targets")
_MEANINGS = {
    "pages": "pages read",
    "empty_pages": "pages without a token, left out",
    "text_tokens": "tokens of all pages",
    "unknown_tokens": "of these, tokens unknown to the vocabulary",
    "raw_tokens": "tokens used for examples, all replicas (a page of more than 65,536 tokens keeps one chunk)",
    "noise_tokens": "of these, noise tokens",
    "noise_spans": "runs of noise with their own sentinels (0 for objectives without such sentinels)",
    "examples": "examples",
    "input_tokens": "tokens of inputs, including sentinels and EOS",
    "target_tokens": "tokens of targets, including sentinels and EOS",
    "overflowed": "examples with more spans than the vocabulary has sentinels",
    "trimmed_inputs": "examples whose inputs lost their end",
    "trimmed_targets": "examples whose targets lost their end",
}


def _counts(made: Manifest) -> "Markup":
    splits = list(made.statistics["counts"])
    rows = [
        (meaning, *(made.statistics["counts"][split].get(name, 0) for split in splits))
        for name, meaning in _MEANINGS.items()
    ]
    return table(("count", *splits), rows)


def _drawn(folder: str, made: Manifest, vocabulary: Vocabulary) -> "Markup":
    rows = []
    shards = [shard for shards in made.splits.values() for shard in shards if shard.rows]
    places = [
        (shard, (2 * number + 1) * shard.rows // (2 * NUM_DRAWN))
        for number in range(min(NUM_DRAWN, sum(shard.rows for shard in shards)))
        for shard in [shards[number * len(shards) // NUM_DRAWN]]
    ]
    for shard, place in dict.fromkeys(places):  # without repetitions, which occur for small shards
        with ExampleShard(files.join(folder, shard.file)) as opened:
            row = opened.row(place)
        origin = f"{made.statistics['text_shards'][shard.file]}, row {row['row']}, token {row['token_offset']}"
        texts = [(name, len(row[name]), _marked(vocabulary, row[name])) for name in ("inputs", "targets")]
        title = f"{shard.file} row {place}"
        if "denoiser" in row:
            title += f", {made.settings['denoisers'][row['denoiser']]['name']}"
        rows.append((title, origin, texts))
    return render(_EXAMPLES, rows=rows) if rows else render("<p>There are none.</p>")


def _marked(vocabulary: Vocabulary, ids: np.ndarray) -> list[tuple[str, bool]]:
    """(part of the text, whether it is a sentinel). A part that begins a word has the space before it."""
    parts: list[tuple[str, bool]] = []
    run: list[int] = []

    def close_run() -> None:
        if run:
            begins_word = vocabulary.piece(run[0]).startswith("\u2581")
            parts.append((" " * begins_word + vocabulary.decode(run), False))
            run.clear()

    for token in map(int, ids):
        if vocabulary.num_pieces <= token < vocabulary.size:
            close_run()
            parts.extend([(" ", False), (vocabulary.piece(token), True)])
        else:
            run.append(token)
    close_run()
    return parts


def _shards(made: Manifest) -> "Markup":
    rows = [
        (shard.file, split, shard.rows, shard.bytes, made.statistics["text_shards"][shard.file])
        for split, shards in made.splits.items()
        for shard in shards
    ]
    return table(("file", "split", "examples", "bytes", "text shard"), rows)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


_EXAMPLES = """{% for name, origin, texts in rows %}
<details{% if loop.first %} open{% endif %}><summary>{{ name }} <small>from {{ origin }}</small></summary>
{% for what, count, parts in texts %}
<p><b>{{ what }}</b> <small>{{ count }} tokens</small><br>
{% for text, is_sentinel in parts %}
{% if is_sentinel %}<mark>{{ text }}</mark>{% else %}{{ text }}{% endif %}
{%- endfor %}

</p>
{% endfor %}
</details>
{% endfor %}"""
