"""Check a released C4 (allenai/c4) against the WET files it was made from.

    python -m pipelines.verify_release --wet='wet/*.warc.wet.gz' --released='en/c4-*.json.gz' --output=verified

For every released page whose URL and timestamp are in the WET files, its lines must be an ordered subset of ours after
cleaning, and language, bad words and split must agree. For every page that was not released the table says which rule
or which duplicate could explain it. Exit status 0: every row agrees; 1: some do not; verify.html says which.
"""

import time
from collections.abc import Sequence

from c4pipe.command_line import Parser, run
from c4pipe.corpus import assets
from c4pipe.corpus.variants import COMPATS
from c4pipe.corpus.wet.parsers import WET_PARSERS
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.machine import num_cores
from pipelines.jobs import release
from pipelines.launch.workers import worker_processes


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.verify_release", description=__doc__)
    add = parser.add_argument
    add("--wet", required=True, metavar="GLOB", help="WET files of the crawl that the release was made from")
    add("--released", required=True, metavar="GLOB", help="shards of the release, as c4-train.00000-of-01024.json.gz")
    add("--output", required=True, help="folder for verify.json and verify.html")
    add("--variant", default="en", choices=("en", "en.noblocklist"), help="what was released")
    add("--compat", default="tfds-3.0.1", choices=tuple(COMPATS), help="whose rules; AllenAI released 3.0.1")
    add("--wet_parser", default="tfds", choices=tuple(WET_PARSERS), help="how WET files are read")
    add("--assets", help="folder with punkt_tab and badwords; downloaded once if not given")
    add("--sentence_model", default=assets.PUNKT_TAB, help="punkt_tab, bundled, or a folder with Punkt's four files")
    add("--badwords", help="a list of bad words of your own")
    add("--num_workers", type=int, default=num_cores(), help="processes")
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be compared")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    started = time.monotonic()
    flags = parser().parse_args(argv)
    job = release.make_job(flags)
    folder = OutputFolder(flags.output, job.result(), overwrite=flags.overwrite)
    if flags.dry_run:
        print(folder.outlook(lambda: job.estimate(flags.output)))
        return 0
    if folder.is_finished():
        found = release.read_result(folder)
        folder.nothing_to_do(release.verdict(found))
        return release.EXIT_DISAGREE if found["rows_disagreeing"] else 0
    with folder.opened():
        with worker_processes(max(1, flags.num_workers)) as pool:
            result = release.verify(job, pool)
        result.seconds = round(time.monotonic() - started, 2)
        release.commit(folder, result)
    print(f"{release.verdict(vars(result))}; {folder.file(release.PAGE)} shows more, after {result.seconds:.0f} s")
    return release.EXIT_DISAGREE if result.rows_disagreeing else 0


if __name__ == "__main__":
    run(main)
