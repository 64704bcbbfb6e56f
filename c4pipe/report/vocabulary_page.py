"""The page of a vocabulary: its pieces, how well it fits each source, and texts split by it and by another one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from c4pipe.report import html
from c4pipe.report.html import Section, page, plot, render, search_box, table, tiles
from c4pipe.vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

_SPACE = "\u2581"
NUM_SPLIT = 4
SPLIT_CHARACTERS = 300
MEASURED_BYTES = 1_000_000


@dataclass(frozen=True)
class Fit:
    """How well a vocabulary fits some text."""

    characters: int
    words: int
    tokens: int
    unknown: int

    @property
    def row(self) -> tuple[float, float, str]:
        """(characters per piece, tokens per word, share of unknown tokens)."""
        tokens = max(self.tokens, 1)
        return self.characters / tokens, self.tokens / max(self.words, 1), f"{self.unknown / tokens:.4%}"


def measure(vocabulary: Vocabulary, texts: Sequence[str]) -> Fit:
    """Measure how well a vocabulary fits texts, on at most 1 MB of them."""
    looked_at = []
    num_bytes = 0
    for text in texts:
        if num_bytes >= MEASURED_BYTES:
            break
        looked_at.append(text[:MEASURED_BYTES])
        num_bytes += len(text.encode("utf-8", "surrogatepass"))
    tokens, _ = vocabulary.encode_flat(looked_at)
    return Fit(
        characters=sum(map(len, looked_at)),
        words=sum(len(text.split()) for text in looked_at),
        tokens=len(tokens),
        unknown=int(np.count_nonzero(tokens == vocabulary.unk_id)),
    )


def vocabulary_page(
    vocabulary: Vocabulary,
    samples: Mapping[str, Sequence[str]],
    sources: Sequence[tuple[str, float, int, int, int]],
    settings: Mapping[str, Any],
    other: tuple[str, Vocabulary] | None = None,
) -> str:
    """The HTML page.

    samples: source -> texts. sources: (name, weight, bytes available, bytes wanted, bytes taken). other: (name,
    vocabulary) of another one, to compare.
    """
    both = [("this vocabulary", vocabulary)] + ([other] if other else [])
    pieces = [vocabulary.piece(token) for token in range(3, vocabulary.num_pieces)]
    taken = sum(source[4] for source in sources)
    sections = [
        Section(
            "At a glance",
            tiles(
                [
                    ("pieces, including pad, EOS and unk", vocabulary.num_pieces),
                    ("extra ids", vocabulary.num_extra_ids),
                    ("rows of an embedding", vocabulary.embedding_rows),
                    ("bytes of training text", taken),
                ]
            ),
        ),
        Section("Sample", _sample(sources, taken)),
        Section("Fit", _fit(both, samples)),
        Section("Pieces", _pieces(pieces)),
        Section("Split texts", _splits(both, samples)),
        Section("All pieces", _all_pieces(pieces)),
        Section("Settings", html.settings(settings)),
    ]
    return page("Vocabulary", f"{vocabulary.num_pieces:,} pieces by SentencePiece's unigram model", sections)


def _sample(sources: Sequence[tuple[str, float, int, int, int]], taken: int) -> "Markup":
    weights = sum(source[1] for source in sources)
    rows = [
        (name, weight, f"{weight / weights:.1%}", there, asked, got, f"{got / max(taken, 1):.1%}")
        for name, weight, there, asked, got in sources
    ]
    headers = ("source", "weight", "share wanted", "bytes available", "bytes wanted", "bytes taken", "share taken")
    short = [name for name, _, _, asked, got in sources if got < 0.98 * asked]
    note = (
        f"These have less text than their weights ask for, so all of it is used: {', '.join(short)}." if short else ""
    )
    return render("{{ t }}{% if note %}<p>{{ note }}</p>{% endif %}", t=table(headers, rows), note=note)


def _fit(both: Sequence[tuple[str, Vocabulary]], samples: Mapping[str, Sequence[str]]) -> "Markup":
    rows = [
        (source, name, *measure(vocabulary, texts).row)
        for source, texts in samples.items()
        for name, vocabulary in both
    ]
    note = "Measured on the sampled text itself, on at most 1 MB per source. Words are separated by white space."
    return render(
        "<p>{{ note }}</p>{{ t }}",
        note=note,
        t=table(("source", "vocabulary", "characters per piece", "tokens per word", "unknown tokens"), rows),
    )


def _pieces(pieces: Sequence[str]) -> "Markup":
    kinds = Counter(map(_kind, pieces))
    lengths = Counter(len(piece.removeprefix(_SPACE)) for piece in pieces)

    def draw(axes: "Axes") -> None:
        axes.bar(list(lengths), list(lengths.values()))
        axes.set_xlabel("characters per piece, without the space before it")
        axes.set_ylabel("pieces")
        axes.locator_params(axis="x", integer=True)

    return render("{{ t }}{{ p }}", t=table(("kind", "pieces"), kinds.most_common()), p=plot(draw))


def _kind(piece: str) -> str:
    bare = piece.removeprefix(_SPACE)
    if piece.startswith("<0x"):
        return "a byte"
    if not bare:
        return "a space"
    if bare.isalpha():
        script = "Latin letters" if all(ord(c) < 0x250 for c in bare) else "letters of other scripts"
        return f"{script}, {'begins a word' if piece != bare else 'inside a word'}"
    if bare.isdigit():
        return "digits"
    return "signs, or signs and letters"


def _splits(both: Sequence[tuple[str, Vocabulary]], samples: Mapping[str, Sequence[str]]) -> "Markup":
    rows = []
    for source, texts in samples.items():
        for text in texts[:NUM_SPLIT]:
            start = text[:SPLIT_CHARACTERS]
            rows.append((source, [(name, *_split(vocabulary, start)) for name, vocabulary in both]))
    return render(_SPLITS, rows=rows)


def _split(vocabulary: Vocabulary, text: str) -> tuple[int, list[tuple[str, bool]]]:
    """(number of tokens, (piece, whether it is unknown) for each)."""
    ids = vocabulary.encode(text)
    return len(ids), [(vocabulary.piece(token), token == vocabulary.unk_id) for token in ids]


def _all_pieces(pieces: Sequence[str]) -> "Markup":
    """At most about 2,000 pieces, the most probable first."""
    step = max(1, len(pieces) // 1000)
    shown = list(enumerate(pieces, start=3))[::step]
    note = "In order of probability" + (f", one piece in {step}" if step > 1 else "")
    box = search_box(".piece", "find a piece")
    return render(_PIECES, pieces=shown, note=note, box=box)


_SPLITS = """<style>
.split code { border-left: 1px solid currentColor; padding: 0 1px; }
.split mark { border-radius: 0; }
</style>
{% for source, splits in rows %}
<h3>{{ source }}</h3>
{% for name, count, pieces in splits %}
<p class="split"><small>{{ name }}: {{ count }} tokens</small><br>
{% for piece, unknown in pieces %}
{% if unknown %}<mark><code>{{ piece }}</code></mark>{% else %}<code>{{ piece }}</code>{% endif %}<wbr>
{%- endfor %}
</p>
{% endfor %}
{% endfor %}"""

_PIECES = """<p>{{ note }}. {{ box }}</p><p>
{% for token, piece in pieces %}
<span class="piece"><code title="id {{ token }}">{{ piece }}</code> </span>
{% endfor %}
</p>"""
