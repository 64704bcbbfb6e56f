"""`--badwords`: the user's own lists of bad words, and the language of each list."""

import re
from collections.abc import Sequence
from pathlib import Path

from c4pipe.corpus.badwords import base_language
from c4pipe.errors import UserError

_NAMED = re.compile(r"(?P<language>[A-Za-z]{2,3}(-[A-Za-z0-9]+)*):(?P<path>.+)")


def own_lists(given: str, languages: Sequence[str]) -> dict[str, Path]:
    """Language -> the file of its list, from a flag `FILE` or `LANG:FILE[,LANG:FILE]`.

    languages: the run's languages. A file without a language is for the run's language, if the run has only one.

    Raises: UserError if a file is missing, or if it is not clear which language it is for.
    """
    spoken = list(dict.fromkeys(map(base_language, languages)))
    if not _NAMED.fullmatch(given.split(",")[0]):
        path = _file(given)
        if len(spoken) != 1:
            raise UserError(
                f"--badwords={given} does not say which of the run's {len(spoken)} languages the list is for; give it "
                f"as --badwords=LANG:{given}, such as {spoken[0]}:{given}"
            )
        return {spoken[0]: path}
    found: dict[str, Path] = {}
    for part in given.split(","):
        named = _NAMED.fullmatch(part)
        if named is None:
            raise UserError(f"--badwords={given}: {part!r} has no language; give LANG:FILE[,LANG:FILE]")
        language = base_language(named["language"])
        if language not in spoken:
            raise UserError(
                f"--badwords={given}: the run has no language {language!r}; it has {', '.join(sorted(spoken))}"
            )
        if language in found:
            raise UserError(f"--badwords={given} names {language} twice; put its words into one file")
        found[language] = _file(named["path"])
    return found


def _file(given: str) -> Path:
    if not Path(given).is_file():
        raise UserError(
            f"no list of bad words at {given}; --badwords takes LANG:FILE (one word per line), or a folder of "
            "such files named for their languages"
        )
    return Path(given)
