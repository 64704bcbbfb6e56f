"""Draw the pictures of README and docs from the demo's output: `make pictures`.

Writes each picture twice, for light and dark pages: flow, example, funnel and curve, as `NAME-light.svg` and
`NAME-dark.svg`.
"""

import json
from pathlib import Path

from c4pipe.command_line import Parser, run
from c4pipe.errors import UserError
from c4pipe.shards import files
from tools.pictures.curve import curve
from tools.pictures.drawing import THEMES, Drawing
from tools.pictures.example import example, readable_example
from tools.pictures.flow import flow
from tools.pictures.funnel import funnel


def pictures(demo: Path) -> dict[str, Drawing]:
    """File name -> picture. Raises: UserError if the demo did not run to its end."""
    try:
        stages = json.loads((demo / "c4" / "report.json").read_text())["funnel"]
        run_record = json.loads((demo / "run" / "run.json").read_text())
        metrics = [json.loads(line) for line in (demo / "run" / "metrics.jsonl").read_text().splitlines()]
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is not there; run `make demo` first, or give another --demo") from error
    if run_record["status"] != "finished":
        raise UserError(f"the training in {demo} is not finished; continue it with `make demo`")
    drawn = readable_example(str(demo / "examples"))
    entropy = run_record["validation"]["order_0_entropy"]
    found = {}
    for theme in THEMES:
        found[f"flow-{theme.name}.svg"] = flow(theme)
        found[f"example-{theme.name}.svg"] = example(theme, drawn)
        found[f"funnel-{theme.name}.svg"] = funnel(theme, stages)
        found[f"curve-{theme.name}.svg"] = curve(theme, metrics, entropy)
    return found


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns: the exit status."""
    flags = Parser(prog="python -m tools.pictures.run", description=__doc__)
    flags.add_argument("--demo", default="demo", metavar="DIR", help="what `make demo` made")
    flags.add_argument("--output", default="docs/pictures", metavar="DIR", help="the folder for the pictures")
    arguments = flags.parse_args(argv)
    drawn = pictures(Path(arguments.demo))
    for name, picture in drawn.items():
        files.write_bytes(files.join(arguments.output, name), picture.svg().encode())
    print(f"{len(drawn)} pictures in {arguments.output}")
    return 0


if __name__ == "__main__":
    run(main)
