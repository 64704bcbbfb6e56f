"""Find the rows of C4 and the training examples that came from a URL.

    python -m pipelines.find_url https://example.com/page --c4=c4/en --examples=examples

URLs are compared as in C4: without scheme, `www.`, tracking parameters and trailing slashes. With --domain, every page
of the domain and its subdomains is found. This is the inverse of `python -m c4pipe.inspect_shard`. The command changes
nothing; to remove pages, give wet_to_c4 --exclude_urls and make the examples again.
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, importing, run


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.find_url", description=__doc__)
    parser.add_argument("url", metavar="URL", help="the URL, or with --domain a domain such as example.com")
    parser.add_argument(
        "--c4",
        required=True,
        metavar="DIR[@SPLIT],...",
        help="folders of text shards (all splits, or folder@split), such as the corpora of several crawls",
    )
    parser.add_argument(
        "--examples", metavar="DIR", help="folder of example shards that were made from these text shards"
    )
    parser.add_argument("--domain", action="store_true", help="find all pages of the domain and its subdomains")
    parser.add_argument("--dry_run", action="store_true", help="only say what would be read")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    with importing():
        from pipelines.actions import find_url
    return find_url.perform(flags)


if __name__ == "__main__":
    run(main)
