"""The libraries that compute metrics, imported when they are first needed."""

import importlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from c4pipe.errors import UserError
from c4pipe.tasks.scores import NUM_RESAMPLES, Interval, Score, percentiles
from c4pipe.tasks.tokenizers import UnicodeTokenizer

_PACKAGES = {"sklearn": "scikit-learn", "rouge_score": "rouge-score"}
_ROUGE = ("rouge1", "rouge2", "rougeLsum")


@cache
def imported(module: str) -> Any:
    """A module of one of these libraries. Raises: UserError if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = _PACKAGES.get(module.partition(".")[0], module.partition(".")[0])
        raise UserError(f"this metric needs {package}: pip install 'c4pipe[evaluate]'") from error


def sklearn_metrics() -> Any:
    return imported("sklearn.metrics")


def scipy_stats() -> Any:
    return imported("scipy.stats")


def corpus_bleu(references: Sequence[Sequence[str]], predictions: Sequence[str], tokenize: str) -> Score:
    """sacrebleu's corpus BLEU, with an interval from its own bootstrap and with its signature as the note.

    references: (n,) lists of at least one text. Their lengths may differ. tokenize: one of sacrebleu's tokenizers.
    """
    sacrebleu = imported("sacrebleu.metrics")
    metric = sacrebleu.BLEU(tokenize=tokenize, smooth_method="exp", lowercase=False, effective_order=False)
    most = max(map(len, references))
    streams = [[given[k] if k < len(given) else None for given in references] for k in range(most)]
    found = metric.corpus_score(list(predictions), streams)

    def interval(seed: int) -> Interval:
        statistics = _sentence_statistics(sacrebleu, streams, predictions, tokenize)
        return _resampled_bleu(sacrebleu, statistics, seed)

    return Score(float(found.score), interval, note=str(metric.get_signature()))


def _sentence_statistics(
    sacrebleu: Any, streams: Sequence[Sequence[str | None]], predictions: Sequence[str], tokenize: str
) -> np.ndarray:
    """(n, 2 + 4 + 4) counts to be summed over sentences: system length, reference length, matches, totals."""
    metric = sacrebleu.BLEU(tokenize=tokenize, smooth_method="exp", effective_order=False)
    rows = []
    for number, output in enumerate(predictions):
        given = [[stream[number]] for stream in streams if stream[number] is not None]
        found = metric.corpus_score([output], given)
        rows.append([found.sys_len, found.ref_len, *found.counts, *found.totals])
    return np.array(rows, dtype=np.int64)


def _resampled_bleu(sacrebleu: Any, statistics: np.ndarray, seed: int) -> Interval:
    number = len(statistics)
    draws = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), NUM_RESAMPLES)
    values = [
        sacrebleu.BLEU.compute_bleu(
            correct=list(map(int, sums[2:6])),
            total=list(map(int, sums[6:])),
            sys_len=int(sums[0]),
            ref_len=int(sums[1]),
            smooth_method="exp",
            effective_order=False,
        ).score
        for sums in draws @ statistics
    ]
    return percentiles(np.array(values))


def rouge_f(
    references: Sequence[Sequence[str]], predictions: Sequence[str], tokenizer: UnicodeTokenizer | None = None
) -> dict[str, list[float]]:
    """Name of the score -> ROUGE F of every output, between 0 and 1. Sentences end at ` . ` or at the end of a line.

    tokenizer: if not given, rouge-score's own.
    """
    scorer = imported("rouge_score.rouge_scorer").RougeScorer(list(_ROUGE), use_stemmer=False, tokenizer=tokenizer)
    values: dict[str, list[float]] = {name: [] for name in _ROUGE}
    for given, output in zip(references, predictions, strict=True):
        scores = [scorer.score(_sentences(reference), _sentences(output)) for reference in given]
        for name in _ROUGE:
            values[name].append(max(score[name].fmeasure for score in scores))
    return values


def _sentences(summary: str) -> str:
    return summary.replace(" . ", " .\n")
