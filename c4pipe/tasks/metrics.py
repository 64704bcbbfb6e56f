"""The metrics that judge outputs. Every score is in percent, and higher is better.

A metric takes n outputs with their references (see `TextExample.references`), and returns named scores. An output that
is not a label of its task is wrong; it is never mapped to the nearest label. Libraries of the field compute the scores.
They are imported only when they are used, so that training does not need them.

The references of an output are its acceptable answers; if the task has labels, the first is the label. Exceptions:
MultiRC (label, key of the question); ReCoRD (key of the query, answers ...); WSC (the noun, whether the pronoun means
it).
"""

from collections.abc import Callable, Sequence

import numpy as np

from c4pipe.choices import check_choice
from c4pipe.errors import UserError
from c4pipe.tasks import answers, libraries, tokenizers, writable
from c4pipe.tasks.scores import Score, of_function, of_mean
from c4pipe.tasks.task import Task
from c4pipe.tasks.writable import References, Write

Metric = Callable[[References, Sequence[str], Sequence[str]], dict[str, Score]]
TokenMetric = Callable[[References, Sequence[str], str], dict[str, Score]]
INVALID = -1


def score(
    task: Task, references: References, predictions: Sequence[str], write: Write | None = None
) -> dict[str, Score]:
    """The scores of all metrics of a task over n outputs.

    write: turns a text into the form that the model's vocabulary can write. Outputs are then compared with references
    in this form; but if two labels of the task would become equal, with the literal references.
    Raises: ValueError if there are no outputs, or another number of references; UserError if a library is missing.
    """
    if not predictions or len(references) != len(predictions):
        raise ValueError(f"{len(predictions)} outputs and {len(references)} references of {task.name}")
    labels = written_labels(task, write)
    scores: dict[str, Score] = {}
    for named in task.metrics:
        name, _, tokens = named.partition("@")
        compared = writable.written(name, references, write) if write and labels is not None else references
        if name in TOKEN_METRICS:
            # The paper's tasks are scored as in the paper.
            scores |= TOKEN_METRICS[name](compared, predictions, tokens or (_PAPERS[name] if task.source else ""))
        else:
            scores |= METRICS[name](compared, predictions, task.labels if labels is None else labels)
    return scores


def written_labels(task: Task, write: Write | None) -> tuple[str, ...] | None:
    """A task's labels as the vocabulary writes them; None if two of them become equal."""
    labels = tuple(map(write, task.labels)) if write else task.labels
    return labels if len(set(labels)) == len(task.labels) else None


def check_name(named: str, task: str) -> None:
    """Check the name of a metric, and of the tokenizer if one is given after `@` (`bleu@zh`, `rouge@unicode`).

    Raises: UserError if there is no such metric or tokenizer.
    """
    name, at, tokens = named.partition("@")
    check_choice(f"metric of {task}", name, [*METRICS, *TOKEN_METRICS])
    if at and name not in TOKEN_METRICS:
        raise UserError(f"the metric {name} has no tokenizers; leave {at + tokens!r} out")
    if at:
        {"bleu": tokenizers.check_bleu_name, "rouge": tokenizers.check_rouge_name}[name](tokens)


def _classes(texts: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """(n,) class numbers of texts; `INVALID` for a text that is not a label.

    >>> _classes(["b", "a", "B"], ("a", "b"))
    array([ 1,  0, -1])
    """
    numbers = {label: number for number, label in enumerate(labels)}
    return np.array([numbers.get(text, INVALID) for text in texts])


def _both(references: References, predictions: Sequence[str], labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    firsts = [given[0] for given in references]
    # If the references are not among the task's labels (the user's own task, or ready records with other labels), the
    # labels are those that occur.
    known = labels if set(firsts) <= set(labels) else sorted(set(firsts))
    return _classes(firsts, known), _classes(predictions, known)


def accuracy(references: References, predictions: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
    """The share of outputs that equal one of their references exactly."""
    del labels
    right = [output in given for given, output in zip(references, predictions, strict=True)]
    return {"accuracy": of_mean(right)}


def f1(references: References, predictions: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
    """F1 of the second of two labels (scikit-learn). An invalid output counts as the wrong label.

    Raises: UserError if there are more than two labels.
    """
    truth, output = _both(references, predictions, labels)
    if truth.max() > 1:
        raise UserError("f1 is for tasks with two labels; use mean_f1 for more (--metrics=TASK:mean_f1)")
    output = np.where(output == INVALID, 1 - truth, output)
    return {"f1": of_function(lambda rows: 100 * binary_f1(truth[rows], output[rows]), len(truth))}


def binary_f1(truth: np.ndarray, output: np.ndarray) -> float:
    """F1 of class 1, between 0 and 1; 0 if class 1 neither occurs nor was predicted."""
    return float(libraries.sklearn_metrics().f1_score(truth, output, zero_division=0))


def mean_f1(references: References, predictions: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
    """The unweighted mean of the F1 of all labels (CB). An invalid output is wrong, and belongs to no label."""
    truth, output = _both(references, predictions, labels)
    classes = range(max(len(labels), int(truth.max()) + 1))

    def compute(rows: np.ndarray) -> float:
        found = libraries.sklearn_metrics().f1_score(
            truth[rows], output[rows], labels=list(classes), average="macro", zero_division=0
        )
        return 100 * float(found)

    return {"mean_f1": of_function(compute, len(truth))}


def matthews_correlation(references: References, predictions: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
    """Matthews' correlation (CoLA). Invalid outputs count as a separate class, which no reference has."""
    truth, output = _both(references, predictions, labels)

    def compute(rows: np.ndarray) -> float:
        return 100 * float(libraries.sklearn_metrics().matthews_corrcoef(truth[rows], output[rows]))

    return {"matthews_correlation": of_function(compute, len(truth))}


def pearson(references: References, predictions: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
    """Pearson's correlation (STS-B). An output that is not a number counts as -1, below the scale."""
    del labels
    return {"pearson": _correlation("pearsonr", references, predictions)}


def spearman(references: References, predictions: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
    """Spearman's rank correlation (STS-B). An output that is not a number counts as -1, below the scale."""
    del labels
    return {"spearman": _correlation("spearmanr", references, predictions)}


def _correlation(name: str, references: References, predictions: Sequence[str]) -> Score:
    truth = np.array([_number(given[0]) for given in references])
    output = np.array([_number(text) for text in predictions])
    function = getattr(libraries.scipy_stats(), name)

    def compute(rows: np.ndarray) -> float:
        # For constant outputs scipy would give NaN, which would make every average NaN.
        if np.ptp(truth[rows]) == 0 or np.ptp(output[rows]) == 0:
            return 0.0
        return 100 * float(function(truth[rows], output[rows])[0])

    return of_function(compute, len(truth))


def _number(text: str) -> float:
    """
    >>> _number("3.4"), _number("positive"), _number("nan")
    (3.4, -1.0, -1.0)
    """
    try:
        value = float(text)
    except ValueError:
        return -1.0
    return value if np.isfinite(value) else -1.0


def squad(references: References, predictions: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
    """SQuAD 1.1's exact match and token F1, each the best over the references."""
    del labels
    pairs = list(zip(references, predictions, strict=True))
    return {
        "exact_match": of_mean([answers.exact_match(given, output) for given, output in pairs]),
        "f1": of_mean([answers.token_f1(given, output) for given, output in pairs]),
    }


def record(references: References, predictions: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
    """ReCoRD: as SQuAD, but each query counts once, even if its answers make several examples."""
    first = {given[0]: number for number, given in reversed(list(enumerate(references)))}
    rows = sorted(first.values())
    return squad([references[row][1:] for row in rows], [predictions[row] for row in rows], labels)


def multirc(references: References, predictions: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
    """MultiRC: F1 of `True` over all answers, and the share of questions whose answers are all judged correctly."""
    by_question: dict[str, list[int]] = {}
    for number, given in enumerate(references):
        by_question.setdefault(given[1], []).append(number)
    groups = list(by_question.values())
    truth, output = _both(references, predictions, labels or ("False", "True"))
    output = np.where(output == INVALID, 1 - truth, output)
    right = truth == output

    def compute(questions: np.ndarray) -> float:
        rows = np.concatenate([groups[question] for question in questions])
        return 100 * binary_f1(truth[rows], output[rows])

    return {
        "f1": of_function(compute, len(groups)),
        "exact_match": of_mean([bool(right[group].all()) for group in groups]),
    }


def wsc(references: References, predictions: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
    """WSC: an output is right if it names the noun exactly when the pronoun means the noun."""
    del labels
    right = [
        answers.names_referent(output, given[0]) == (given[1] == "True")
        for given, output in zip(references, predictions, strict=True)
    ]
    return {"accuracy": of_mean(right)}


def bleu(references: References, predictions: Sequence[str], tokens: str) -> dict[str, Score]:
    """Corpus BLEU by sacrebleu with exponential smoothing, as in the paper (section 2.4).

    tokens: sacrebleu's tokenizer (the paper's is `intl`); if empty, the tokenizer that fits the references.
    """
    chosen = tokens or tokenizers.for_bleu(tokenizers.texts_of(references))
    return {"bleu": libraries.corpus_bleu(references, predictions, chosen)}


def rouge(references: References, predictions: Sequence[str], tokens: str) -> dict[str, Score]:
    """Mean F of ROUGE-1, ROUGE-2 and ROUGE-L over sentences (rouge-score's `rougeLsum`), the best over references.

    tokens: `paper` for rouge-score's own tokenizer, `unicode` for ours; if empty, the tokenizer that fits the
    references.
    """
    chosen = tokens or tokenizers.for_rouge(tokenizers.texts_of(references))
    tokenizer = tokenizers.UnicodeTokenizer() if chosen == tokenizers.UNICODE else None
    found = libraries.rouge_f(references, predictions, tokenizer)
    return {name: of_mean(values, tokenizers.ROUGE_NAMES[chosen]) for name, values in found.items()}


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "f1": f1,
    "mean_f1": mean_f1,
    "matthews_correlation": matthews_correlation,
    "pearson": pearson,
    "spearman": spearman,
    "squad": squad,
    "record": record,
    "multirc": multirc,
    "wsc": wsc,
}
TOKEN_METRICS: dict[str, TokenMetric] = {"bleu": bleu, "rouge": rouge}
_PAPERS = {"bleu": tokenizers.INTL, "rouge": tokenizers.PAPER}
