"""Files for the servers of GLUE and SuperGLUE, from the sets without labels."""

import sys
from collections.abc import Sequence

from c4pipe.tasks.submissions import submission
from model.evaluation.scoring import TaskScores


def submission_files(found: Sequence[TaskScores]) -> dict[str, bytes]:
    """`BENCHMARK/FILE` -> content. A notice counts outputs that are not labels, which the servers would refuse."""
    contents = {}
    for scored in found:
        task_set = scored.task_set
        if task_set.keys is None:
            continue
        # Outputs are labels as the vocabulary can write them; the servers expect the original labels.
        labels = {task_set.write(label): label for label in task_set.task.labels}
        outputs = [labels.get(output, output) for output in scored.outputs]
        made = submission(task_set.task.name, task_set.keys, outputs)
        if made is None:
            continue
        contents[f"{made.benchmark}/{made.file}"] = made.content.encode("utf-8", "replace")
        if made.num_replaced:
            print(
                f"notice: {made.num_replaced:,} of {len(outputs):,} outputs of {task_set.task.name} are not labels; "
                f"{made.file} has the first label instead, because the server refuses others",
                file=sys.stderr,
            )
        if not all(task_set.keys):
            print(
                f"notice: examples of {task_set.task.name} have no idx or index; {made.file} numbers them in order",
                file=sys.stderr,
            )
    return contents
