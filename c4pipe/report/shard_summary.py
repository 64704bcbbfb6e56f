"""Summarises a shard in some lines: lengths, noise, spans and padding of examples; sizes of pages."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from c4pipe.objectives.described import described
from c4pipe.shards import files
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.example_shards import ExampleShard, ids_of
from c4pipe.shards.manifest import known_digests
from c4pipe.shards.reading.record import BadRecord
from c4pipe.shards.text_shards import read_text_shard
from c4pipe.vocabulary.vocabulary import Vocabulary

_QUANTILES = (0.0, 0.01, 0.5, 0.99, 1.0)
_EOS_ID = 1


def summarise_examples(shard: ExampleShard, settings: Mapping[str, Any], vocabulary: Vocabulary) -> Iterator[str]:
    """Yield the lines about all examples of a shard. settings: from the folder's manifest; empty if there is none."""
    columns: dict[str, list[np.ndarray]] = {"inputs": [], "targets": []}
    counts: dict[str, list[np.ndarray]] = {name: [] for name in ("other", "noise", "sentinels", "pages", "denoisers")}
    members = described(settings) if "objective" in settings else []
    prefixes = np.array([member.num_prefix_ids for member in members] or [0])
    tasks: dict[str, int] = {}
    for number in range(shard.num_batches):
        batch = shard.batch(number)
        ids = {name: _padded(batch, name) for name in columns}
        for name, matrix in ids.items():
            columns[name].append((matrix != 0).sum(axis=1))
        text = {name: (matrix > _EOS_ID) & (matrix < vocabulary.num_pieces) for name, matrix in ids.items()}
        sentinel = {
            name: (matrix >= vocabulary.num_pieces) & (matrix < vocabulary.size) for name, matrix in ids.items()
        }
        denoisers = shard.denoisers(number) if len(members) > 1 else np.zeros(len(batch), np.uint8)
        counts["denoisers"].append(denoisers)
        counts["other"].append(text["inputs"].sum(axis=1) - prefixes[denoisers])
        counts["noise"].append(text["targets"].sum(axis=1))
        counts["sentinels"].append(sentinel["inputs"].sum(axis=1))
        counts["pages"].append(batch.column("num_pages").to_numpy())
        if "task" in batch.schema.names:
            for entry in batch.column("task").value_counts().to_pylist():
                tasks[entry["values"]] = tasks.get(entry["values"], 0) + entry["counts"]
    rows = sum(len(part) for part in columns["inputs"])
    num_bytes = files.size(shard.path)
    yield f"{files.base_name(shard.path)}: {rows:,} examples, {num_bytes:,} bytes"
    yield "columns: " + ", ".join(shard.schema.names)
    for name, value in sorted(shard.metadata.items()):
        yield f"  {name}: {value}"
    yield from _settings(settings)
    if not rows:
        return
    lengths = {name: np.concatenate(parts) for name, parts in columns.items()}
    other, noise, sentinels, pages, denoisers = (np.concatenate(counts[name]) for name in counts)
    yield from _lengths(lengths, settings)
    if tasks:
        yield "tasks: " + ", ".join(f"{task} {count:,}" for task, count in sorted(tasks.items()))
        return
    if len(members) > 1:
        yield from _by_denoiser(
            [member.name for member in members], denoisers, lengths | {"noise": noise, "other": other}
        )
    elif sentinels.any():
        if members and members[0].objective.sentinels == "mask":
            # One mask token per noise token; the targets are the whole text.
            yield f"noise: {sentinels.sum() / max(1, noise.sum()):.2%} of the tokens are masked"
        else:
            yield f"noise: {noise.sum() / max(1, (other + noise).sum()):.2%} of the tokens"
            yield f"spans: {sentinels.mean():.2f} per example, {noise.sum() / sentinels.sum():.2f} tokens per span"
    tokens = other + noise
    if members and all(member.objective.keeps_tokens_once for member in members):
        yield (
            f"raw tokens: {tokens.sum():,}, {tokens.mean():.1f} per example, "
            f"{num_bytes / tokens.sum():.3f} bytes per token"
        )
    spans = [row.get("num_noise_spans", 0) for row in settings.get("denoisers", [settings])]
    if max(spans) > vocabulary.num_extra_ids:
        yield (
            f"note: some examples have up to {max(spans)} spans, but the vocabulary has {vocabulary.num_extra_ids} "
            "extra ids; the pieces that mark the other spans count as tokens here"
        )
    yield f"pages: {pages.mean():.2f} per example, {pages.max():,} at most"


def _settings(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in sorted(settings.items()):
        if name == "denoisers":
            for row in value:
                own = ", ".join(f"{key}: {row[key]}" for key in sorted(row) if key != "name")
                yield f"  denoiser {row['name']}: {own}"
        else:
            yield f"  {name}: {value}"


def _lengths(lengths: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'':10}{'room':>8}{'mean':>9}{'least':>7}{'1%':>7}{'median':>8}{'99%':>7}{'most':>7}{'padding':>9}"
    for name, column in lengths.items():
        room = int(settings.get(f"{name}_length", column.max()))
        at = np.quantile(column, _QUANTILES).astype(int)
        padding = 1 - column.mean() / room if room else 0.0
        yield (
            f"{name:10}{room:>8,}{column.mean():>9.1f}{at[0]:>7,}{at[1]:>7,}{at[2]:>8,}{at[3]:>7,}{at[4]:>7,}"
            f"{padding:>9.2%}"
        )


def _by_denoiser(names: Sequence[str], denoisers: np.ndarray, columns: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield a table of the denoisers of a mixture. denoisers: (b,) of each example. columns: counts of each example."""
    yield f"{'denoiser':20}{'examples':>10}{'share':>9}{'inputs':>9}{'targets':>9}{'of the text in targets':>24}"
    for number, name in enumerate(names):
        rows = denoisers == number
        inputs, targets, noise, other = (columns[column][rows] for column in ("inputs", "targets", "noise", "other"))
        yield (
            f"{name:20}{rows.sum():>10,}{rows.mean():>9.2%}{_mean(inputs):>9.1f}{_mean(targets):>9.1f}"
            f"{noise.sum() / max(1, (noise + other).sum()):>24.2%}"
        )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def summarise_text(path: str) -> Iterator[str]:
    """Yield the lines about all pages of a text shard."""
    lengths, lines, dates = [], 0, []
    bad: list[BadRecord] = []
    digest = ReadDigest(known_digests([path]).get(path))
    for row in read_text_shard(path, ("text", "timestamp"), on_bad=bad.append, digest=digest):
        lengths.append(len(row["text"]))
        lines += row["text"].count("\n") + 1
        if row["timestamp"]:
            dates.append(str(row["timestamp"]))
    yield f"{files.base_name(path)}: {len(lengths):,} pages, {sum(lengths):,} characters, {files.size(path):,} bytes"
    if bad:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in Counter(fault.reason for fault in bad).items())
        yield f"{len(bad):,} of these rows are not pages ({reasons})"
    if lengths:
        at = np.quantile(lengths, _QUANTILES).astype(int)
        yield f"characters per page: mean {np.mean(lengths):,.0f}, least {at[0]:,}, median {at[2]:,}, most {at[4]:,}"
        yield f"lines per page: {lines / len(lengths):.1f}"
    if dates:
        yield f"crawled from {min(dates)} to {max(dates)}"


def _padded(batch: Any, name: str) -> np.ndarray:
    lists = batch.column(name)
    fixed = getattr(lists.type, "list_size", None)
    longest = fixed if fixed is not None else int(np.diff(lists.offsets.to_numpy()).max(initial=0))
    return ids_of(batch, name, longest)
