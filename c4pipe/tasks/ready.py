"""Ready records, with the fields `inputs`, `targets` and `task`, for any task of the user's own."""

from c4pipe.tasks.task import MalformedRecord, Record, TextExample, example_of, text


def is_ready(record: Record) -> bool:
    """Whether a record is already an example. In a test split it may have no targets."""
    return "inputs" in record and ("targets" in record or "task" in record)


def ready_example(record: Record, task: str) -> TextExample:
    """The example of a ready record. If it has no `references`, its targets are the only reference.

    Raises: MalformedRecord if a field is missing or is not text.
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
    if not isinstance(references, list) or not references or not all(isinstance(entry, str) for entry in references):
        raise MalformedRecord("bad_field", "'references' is not a list of texts")
    return TextExample(inputs, targets, tuple(references))


def _references(task: str, inputs: str, targets: str) -> tuple[str, ...]:
    """The references that the task's metrics need (see `c4pipe.tasks.metrics`), for a record that has only targets."""
    if task == "multirc":
        # The key is the question and its paragraph, without the answer between them.
        head, _, rest = inputs.partition(" answer: ")
        return targets, head + rest.partition(" paragraph: ")[2]
    if task == "record":
        return inputs, targets
    if task == "wsc":
        return targets, "True"
    return (targets,)
