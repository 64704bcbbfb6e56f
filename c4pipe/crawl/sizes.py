"""The sizes of crawls: how many WET files they have, and how many bytes."""

from dataclasses import dataclass

_TIB = 1 << 40


@dataclass(frozen=True)
class CrawlSize:
    """The WET files of a crawl. num_bytes: compressed. source: where the figures are from."""

    name: str
    num_files: int
    num_bytes: float
    source: str

    def part(self, num_files: int) -> "CrawlSize":
        """Some of the files; all if the crawl has fewer. Files of a crawl have similar sizes."""
        count = min(num_files, self.num_files)
        return CrawlSize(self.name, count, self.num_bytes * count / self.num_files, self.source)


# As Common Crawl published them. For other crawls, the list of files is counted and the first file is measured.
PUBLISHED = {
    size.name: size
    for size in (
        CrawlSize(
            "CC-MAIN-2016-40",
            30_374,
            4.54 * _TIB,
            "https://commoncrawl.org/2016/10/september-2016-crawl-archive-now-available/",
        ),
        CrawlSize(
            "CC-MAIN-2019-09",
            64_000,
            7.62 * _TIB,
            "https://commoncrawl.org/2019/03/february-2019-crawl-archive-now-available/",
        ),
    )
}
