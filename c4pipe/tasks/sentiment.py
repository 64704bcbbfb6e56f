"""Sentiment of a review or a sentence: `sentiment: This movie is terrible!` -> `negative`."""

from c4pipe.tasks.task import Record, Task, TextExample, classified, example_of, label_of, text

_LABELS = ("negative", "positive")


def sentiment(record: Record) -> list[TextExample]:
    """
    >>> sentiment({"text": "This movie is terrible!", "label": 0})[0]
    TextExample(inputs='sentiment: This movie is terrible!', targets='negative', references=('negative',), trains=True)
    """
    label = label_of(record, _LABELS, "sentiment")
    return [example_of(f"sentiment: {text(record, 'text', 'sentence', 'review')}", label, record)]


TASKS: dict[str, Task] = {
    "sentiment": Task("sentiment", "", "imdb", sentiment, ("accuracy",), _LABELS),
    "rotten_tomatoes": Task(
        "rotten_tomatoes",
        "",
        "rotten_tomatoes",
        classified("rotten_tomatoes", _LABELS, ("sentence", "text")),
        ("accuracy",),
        _LABELS,
    ),
}
