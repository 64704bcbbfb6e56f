"""Writing `report.html`. The page is only for people, so if a library for it is missing, there is just a notice."""

import sys
from collections.abc import Callable

from c4pipe.errors import UserError
from c4pipe.folders.kinds import REPORT_PAGE
from c4pipe.shards import files


def write(folder: str, make: Callable[[], str]) -> None:
    """Write the result of `make` as the folder's page, or say on standard error why there is none."""
    try:
        page = make()
    except UserError as error:
        print(f"notice: no {REPORT_PAGE}: {error}", file=sys.stderr)
        return
    files.write_bytes(files.join(folder, REPORT_PAGE), page.encode("utf-8", "backslashreplace"))
