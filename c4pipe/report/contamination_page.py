"""The page of a search for evaluation texts in a corpus: a table of tasks, and examples with the found text marked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from c4pipe.report.html import Section, page, render, table, tiles
from c4pipe.words import Words

if TYPE_CHECKING:
    from markupsafe import Markup

_MOST_EXAMPLES = 50


def contamination_page(result: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> str:
    """The HTML page. result: the content of contamination.json. found: its examples."""
    sections = [
        Section("At a glance", _glance(result)),
        Section("Tasks", _tasks(result["tasks"])),
        Section("Examples found in the corpus", _examples(found, result["settings"]["ngram"])),
    ]
    subtitle = (
        f"Runs of {result['settings']['ngram']} words that the corpus and an evaluation set share, and shorter texts "
        "of which all is in the corpus; case, punctuation and white space do not count"
    )
    return page("Contamination", subtitle, sections)


def _glance(result: Mapping[str, Any]) -> "Markup":
    return tiles(
        [
            ("pages searched", result["pages"]),
            ("pages with a match", result["pages_with_a_match"]),
            ("evaluation examples", sum(row["examples"] for row in result["tasks"])),
            ("examples found", sum(row["found"] for row in result["tasks"])),
        ]
    )


def _tasks(rows: Sequence[Mapping[str, Any]]) -> "Markup":
    body = [
        (
            row["task"],
            row["split"],
            row["examples"],
            _share(row["found_inputs"], row["judged_inputs"]),
            _share(row["whole_inputs"], row["judged_inputs"]),
            _share(row["found_targets"], row["judged_targets"]),
            row["examples"] - row["judged_inputs"],
            row["examples"] - row["judged_targets"],
        )
        for row in rows
    ]
    headers = ("task", "split", "examples", "inputs found", "whole inputs", "targets found")
    return table((*headers, "inputs too short to judge", "targets too short to judge"), body)


def _share(part: int, whole: int) -> str:
    if not whole:
        return "none to judge"
    return f"{part:,} of {whole:,} ({part / whole:.2%})" if part else f"0 of {whole:,}"


def _examples(found: Sequence[Mapping[str, Any]], length: int) -> "Markup | str":
    if not found:
        return "No evaluation example was found in the corpus."
    ordered = sorted(found, key=lambda example: (-example["targets"], -example["inputs"], example["key"]))
    shown = [
        {
            "task": f"{example['task']}, {example['split']}",
            # A side that was not found is not named: it can be too short to be judged, which is not 0%.
            "shares": ", ".join(f"{side} {example[side]:.0%}" for side in ("inputs", "targets") if example[side]),
            "texts": [
                (text["side"], list(_marked(text["text"], text["words"], length)), text["num_pages"], text["urls"])
                for text in example["texts"]
            ],
        }
        for example in ordered[:_MOST_EXAMPLES]
    ]
    return render(_EXAMPLES, examples=shown, more=max(len(found) - _MOST_EXAMPLES, 0))


def _marked(text: str, starts: Sequence[int], length: int) -> Iterator[tuple[bool, str]]:
    """Yield runs of a text: (whether its words were found, the run as written in the text).

    >>> list(_marked("Oh! The cat sat on the mat.", [1], 6))
    [(False, 'Oh! '), (True, 'The cat sat on the mat'), (False, '.')]
    """
    spans = Words().spans(text)
    length = min(length, len(spans))
    found = {word for start in starts for word in range(start, start + length)}
    runs: list[list[Any]] = []
    place = 0
    for number, (start, end) in enumerate(spans):
        is_found = number in found
        if runs and runs[-1][0] and is_found:
            runs[-1][1] += text[place:end]
        else:
            runs += [[False, text[place:start]], [is_found, text[start:end]]]
        place = end
    runs.append([False, text[place:]])
    return _joined(runs)


def _joined(runs: Sequence[Sequence[Any]]) -> Iterator[tuple[bool, str]]:
    whole: list[list[Any]] = []
    for is_found, words in runs:
        if whole and whole[-1][0] == is_found:
            whole[-1][1] += words
        elif words:
            whole.append([is_found, words])
    return ((is_found, words) for is_found, words in whole)


_EXAMPLES = """{% for example in examples %}
<details{% if loop.first %} open{% endif %}><summary>{{ example.task }} <span class="count">{{ example.shares }}</span>
</summary>{% for side, runs, num_pages, urls in example.texts %}<div class="sample">
<p>{{ side }}: {% for is_found, words in runs -%}
{% if is_found %}<mark>{{ words }}</mark>{% else %}{{ words }}{% endif %}{% endfor %}</p>
<div class="url">{{ num_pages }} page{{ "" if num_pages == 1 else "s" }}: {{ urls | join(", ") }}</div>
</div>{% endfor %}</details>{% endfor %}
{% if more %}<p>{{ "{:,}".format(more) }} more are in contamination.json.</p>{% endif %}"""
