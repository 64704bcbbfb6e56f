"""The flags of a mixture of tasks, which `task_sources.mix` reads."""

from c4pipe.command_line import Parser
from c4pipe.tasks import mixtures

AS_GIVEN = "as_given"
MIXTURES = (AS_GIVEN, mixtures.PROPORTIONAL, mixtures.EQUAL)


def add_mixture_flags(parser: Parser) -> None:
    """Add them as a group."""
    group = parser.add_argument_group("mixture")
    group.add_argument(
        "--mixture",
        default=AS_GIVEN,
        choices=MIXTURES,
        help="as_given: folders at their rates, tasks of a folder by their examples; proportional: every task by "
        "min(examples, limit)^(1/temperature); equal: every task alike (a rate behind a folder multiplies either)",
    )
    group.add_argument("--mixture_limit", type=float, default=2.0**21, help="K of proportional mixing")
    group.add_argument("--mixture_temperature", type=float, default=1.0, help="T of proportional mixing")
    group.add_argument("--leave_out", default="", metavar="TASK,...", help="tasks to leave out of the mixture")
