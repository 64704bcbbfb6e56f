"""Reads TOML files: recipes, mixtures of denoisers, and plans of searches."""

from typing import Any

from c4pipe.errors import UserError


def parse_toml(text: str | bytes, where: str) -> dict[str, Any]:
    """The table of a TOML file. where: the name of the file in errors.

    Raises: UserError if it is not TOML, or if this Python cannot read TOML.
    """
    try:
        import tomllib
    except ImportError:  # Python 3.10
        try:
            import tomli as tomllib  # type: ignore[no-redef]
        except ImportError as error:
            raise UserError(f"{where}: TOML files need tomli on Python 3.10: pip install tomli") from error
    try:
        return tomllib.loads(text.decode() if isinstance(text, bytes) else text)
    except ValueError as error:
        raise UserError(f"{where} is not TOML: {error}") from error
