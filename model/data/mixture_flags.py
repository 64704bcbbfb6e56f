"""The flags of a mixture of tasks, which `task_sources.mix` reads."""

from dataclasses import dataclass

from c4pipe.command_line import flag
from c4pipe.tasks import mixtures

AS_GIVEN = "as_given"
MIXTURES = (AS_GIVEN, mixtures.PROPORTIONAL, mixtures.EQUAL)


@dataclass(frozen=True)
class MixtureFlags:
    """How often each task is drawn (section 3.5.2 of the T5 paper)."""

    mixture: str = flag(
        AS_GIVEN,
        help="as_given: folders have the given rates, which their tasks share in proportion to their examples; "
        "proportional: tasks have the rates min(examples, limit)^(1/temperature); equal: all tasks have the same rate; "
        "with proportional and equal, a given rate multiplies the rates of the folder's tasks",
        choices=MIXTURES,
    )
    mixture_limit: float = flag(2.0**21, help="limit of proportional mixing (K in the paper)")
    mixture_temperature: float = flag(1.0, help="temperature of proportional mixing (T in the paper)")
    leave_out: str = flag("", help="tasks to leave out of the mixture", metavar="TASK,...")
