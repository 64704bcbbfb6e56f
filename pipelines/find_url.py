"""Find where a URL ended up: in which rows of C4, and in which training examples.

    python -m pipelines.find_url https://example.com/page --c4=c4/en --examples=examples

URLs are compared as C4 compares them: without scheme, `www.`, tracking parameters and closing slashes. With --domain,
every page of that domain and its subdomains is found. The inverse of `python -m c4pipe.inspect_shard`. Reads and prints
only; to take pages out, give wet_to_c4 --exclude_urls and make the examples again.
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, run


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.find_url", description=__doc__)
    parser.add_argument("url", metavar="URL", help="the URL, or with --domain a domain such as example.com")
    parser.add_argument("--c4", required=True, help="folder of the text shards (all its splits), or folder@split")
    parser.add_argument("--examples", help="folder of example shards made from them")
    parser.add_argument("--domain", action="store_true", help="find all pages of the domain and its subdomains")
    parser.add_argument("--dry_run", action="store_true", help="say what would be read, and stop")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    from pipelines.actions import find_url

    return find_url.perform(flags)


if __name__ == "__main__":
    run(main)
