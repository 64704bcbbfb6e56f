"""Run a table of the T5 paper, or a search of your own, as one command.

    python -m model.search --plan=table4 --scale=tiny --output=DIR

A plan has rows: which corpus, objective, architecture and fine-tuning method. Each row is pre-trained, fine-tuned and
evaluated with several seeds; rows share what they have in common. A search that was stopped continues when its command
is given again. It writes search.html, search.csv and search.tex.
"""

import sys

from c4pipe.command_line import Parser, importing, run
from model.experiments.flags import add_carrying_out, check_carrying_out
from model.experiments.plan import PLANS
from model.experiments.scale import SCALES


def parser() -> Parser:
    """The flags of the command."""
    flags = Parser(prog="python -m model.search", description=__doc__)
    add = flags.add_argument_group("search").add_argument
    add("--plan", required=True, metavar="PLAN", help=f"{', '.join(PLANS)}, or a TOML file (docs/search.md)")
    add("--scale", default=SCALES[0], choices=SCALES, help="size of the model, and length of its trainings")
    add("--output", required=True, metavar="DIR", help="folder for the page, and for all runs")
    add("--runs", metavar="DIR", help="folder for all runs, which several searches can share (default: OUTPUT/runs)")
    add(
        "--corpus",
        action="append",
        metavar="[NAME=]SOURCE",
        help="text shards, as c4_to_examples takes them; give it once for each corpus that the plan names "
        "(default: c4=data/c4)",
    )
    add(
        "--corpora",
        metavar="DIR",
        help="folder with several corpora that one wet_to_c4 made, such as en and en.noclean; for table8",
    )
    add("--vocabulary", default="data/vocabulary", metavar="DIR", help="folder of the vocabulary")
    add("--tasks", default="data/tasks", metavar="DIR[@TASK],...", help="folders that tasks_to_examples made")
    add("--seeds", type=int, help="runs per row (default: depends on the scale)")
    add("--baseline_seeds", type=int, help="runs of the baseline, whose spread decides what is significant")
    add_carrying_out(flags)
    flags.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to compute")
    flags.add_argument("--dry_run", action="store_true", help="only print the graph, with an estimate of time and disk")
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns: the exit status."""
    arguments = parser().parse_args(argv)
    arguments.argv = list(sys.argv[1:] if argv is None else argv)
    if not (arguments.corpus or arguments.corpora):
        arguments.corpus = ["data/c4"]
    check_carrying_out(arguments)
    with importing():
        from model.actions import search
    return search.perform(arguments)


if __name__ == "__main__":
    run(main)
