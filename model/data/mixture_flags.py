"""The flags of a mixture of tasks, which `task_sources.mix` reads."""

from c4pipe.command_line import Parser
from c4pipe.tasks import mixtures

AS_GIVEN = "as_given"
MIXTURES = (AS_GIVEN, mixtures.PROPORTIONAL, mixtures.EQUAL)


def add_mixture_flags(parser: Parser) -> None:
    """Add the flags as a group."""
    group = parser.add_argument_group("mixture")
    group.add_argument(
        "--mixture",
        default=AS_GIVEN,
        choices=MIXTURES,
        help="as_given: folders have the given rates, which their tasks share in proportion to their examples; "
        "proportional: tasks have the rates min(examples, limit)^(1/temperature); equal: all tasks have the same rate; "
        "with proportional and equal, a given rate multiplies the rates of the folder's tasks",
    )
    group.add_argument(
        "--mixture_limit", type=float, default=2.0**21, help="limit of proportional mixing (K in the paper)"
    )
    group.add_argument(
        "--mixture_temperature", type=float, default=1.0, help="temperature of proportional mixing (T in the paper)"
    )
    group.add_argument("--leave_out", default="", metavar="TASK,...", help="tasks to leave out of the mixture")
