"""Ready records: `inputs`, `targets`, `task`, for any task of the user's own."""

from c4pipe.tasks.task import MalformedRecord, Record, TextExample, example_of, text


def is_ready(record: Record) -> bool:
    """Whether a record is an example already. One of a test split may have no targets."""
    return "inputs" in record and ("targets" in record or "task" in record)


def ready_example(record: Record, task: str) -> TextExample:
    """The example that a ready record is. Its `references` are taken where it has them, else its targets are the one.

    Raises: MalformedRecord if a field is missing or no text.
    """
    inputs = text(record, "inputs")
    try:
        targets = text(record, "targets")
    except MalformedRecord as fault:
        if fault.reason != "missing_field":
            raise
        return example_of(inputs, fault, record)
    if not targets.strip():
        return example_of(inputs, MalformedRecord("no_targets", "the targets are empty"), record)
    given = record.get("references")
    if given is None:
        return TextExample(inputs, targets, _references(task, inputs, targets))
    references = [given] if isinstance(given, str) else given
    if not isinstance(references, list) or not references or not all(isinstance(one, str) for one in references):
        raise MalformedRecord("bad_field", "'references' is no list of texts")
    return TextExample(inputs, targets, tuple(references))


def _references(task: str, inputs: str, targets: str) -> tuple[str, ...]:
    """What the metrics of a task need, where a record gives its targets alone (see `c4pipe.tasks.metrics`)."""
    if task == "multirc":
        # The question and its paragraph without the answer between them.
        head, _, rest = inputs.partition(" answer: ")
        return targets, head + rest.partition(" paragraph: ")[2]
    if task == "record":
        return inputs, targets
    if task == "wsc":
        return targets, "True"
    return (targets,)
