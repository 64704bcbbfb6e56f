"""Small classification tasks on single sentences, which train in minutes: subjectivity, and the kind of a question."""

from c4pipe.tasks.task import Task, classified

_SUBJ = ("objective", "subjective")
_TREC = ("abbr", "enty", "desc", "hum", "loc", "num")

TASKS: dict[str, Task] = {
    "subj": Task("subj", "", "SetFit/subj", classified("subj", _SUBJ, ("sentence", "text")), ("accuracy",), _SUBJ),
    "trec": Task(
        "trec",
        "",
        "trec",
        classified("trec", _TREC, ("question", "text"), label_fields=("coarse_label", "label-coarse")),
        ("accuracy",),
        _TREC,
    ),
}
