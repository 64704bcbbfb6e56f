"""CNN/Daily Mail (Hermann et al. 2015; See et al. 2017) in text-to-text form."""

from c4pipe.tasks.task import Record, Task, TextExample, text


def summarize(record: Record) -> list[TextExample]:
    """
    >>> summarize({"article": "Long story.", "highlights": "Short ."})[0].inputs
    'summarize: Long story.'
    """
    highlights = text(record, "highlights", "summary")
    return [TextExample(f"summarize: {text(record, 'article', 'document')}", highlights, (highlights,))]


TASKS: dict[str, Task] = {
    "cnn_dailymail": Task("cnn_dailymail", "cnn_dailymail", "cnn_dailymail/3.0.0", summarize, ("rouge",)),
}
