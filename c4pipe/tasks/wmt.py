"""WMT translation in text-to-text form: English to German (2014), to French (2015), to Romanian (2016)."""

from collections.abc import Callable

from c4pipe.tasks.task import Record, Task, TextExample, text

LANGUAGES = {"en": "English", "de": "German", "fr": "French", "ro": "Romanian"}


def translate(source: str, target: str) -> Callable[[Record], list[TextExample]]:
    """The format for translation from one language to another, given by their codes.

    The fields with the texts are named by the codes. They are in the record itself, or in its field `translation`.

    >>> translate("en", "de")({"translation": {"en": "That is good.", "de": "Das ist gut."}})[0].inputs
    'translate English to German: That is good.'
    """
    prefix = f"translate {LANGUAGES[source]} to {LANGUAGES[target]}"

    def format_record(record: Record) -> list[TextExample]:
        pair = record["translation"] if isinstance(record.get("translation"), dict) else record
        translation = text(pair, target)
        return [TextExample(f"{prefix}: {text(pair, source)}", translation, (translation,))]

    return format_record


def _task(target: str, source: str) -> Task:
    name = f"translate_en_{target}"
    return Task(name, "wmt", source, translate("en", target), ("bleu",))


TASKS: dict[str, Task] = {
    "translate_en_de": _task("de", "wmt14/de-en"),
    "translate_en_fr": _task("fr", "wmt14/fr-en"),
    "translate_en_ro": _task("ro", "wmt16/ro-en"),
}
