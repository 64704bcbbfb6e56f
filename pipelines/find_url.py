"""Find the rows of C4 and the training examples that came from a URL.

    python -m pipelines.find_url https://example.com/page --c4=c4/en --examples=examples

URLs are compared as in C4: without scheme, `www.`, tracking parameters and trailing slashes. With --domain, every page
of the domain and its subdomains is found. This is the inverse of `python -m c4pipe.inspect_shard`. The command changes
nothing; to remove pages, give wet_to_c4 --exclude_urls and make the examples again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.command_line import Parser, add_flags, flag, importing, run


@dataclass(frozen=True)
class Flags:
    c4: str = flag(
        metavar="DIR[@SPLIT],...",
        help="folders of text shards (all splits, or folder@split), such as the corpora of several crawls",
    )
    examples: str | None = flag(
        None, metavar="DIR", help="folder of example shards that were made from these text shards"
    )
    domain: bool = flag(False, help="find all pages of the domain and its subdomains")
    dry_run: bool = flag(False, help="only say what would be read")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.find_url", description=__doc__)
    parser.add_argument("url", metavar="URL", help="the URL, or with --domain a domain such as example.com")
    add_flags(parser, None, Flags)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    with importing():
        from pipelines.actions import find_url
    return find_url.perform(flags)


if __name__ == "__main__":
    run(main)
