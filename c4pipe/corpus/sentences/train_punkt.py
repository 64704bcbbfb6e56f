"""Trains a sentence model (Punkt's parameters): `python -m c4pipe.corpus.sentences.train_punkt --output=DIR`.

Without `--text` it reads texts that every Python installation has, the documentation's topics and the docstrings of the
standard library. It adds some sentences of its own with titles and abbreviations that programmers rarely write.
`c4pipe/corpus/sentences/bundled_punkt` was made this way. `wet_to_c4 --sentence_model=DIR` uses the folder.
"""

import ast
import re
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from c4pipe.command_line import Parser, run
from c4pipe.corpus.sentences.counter import PUNKT_FILES
from c4pipe.corpus.sentences.punkt import PunktParameters
from c4pipe.errors import UserError

OWN_SENTENCES = Path(__file__).parent / "bundled_punkt" / "own_sentences.txt"
_SKIPPED_FOLDERS = {"test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3", "__pycache__"}
_PARAGRAPH = re.compile(r"\n\s*\n")
# A paragraph of prose: how it begins, what it contains, how it ends. Tables, signatures and examples do not match.
_PROSE = re.compile(r"[A-Z(\"'`*][^\n>{}|=\\]*(?:\n[^\n>{}|=\\]+)*[.!?:)\"']")
_MARKUP = re.compile(r"\*\*?|``?|\[\d+\]")
_MIN_WORDS = 8
# A word that was seen only once does not show how it is usually written.
_MIN_WORD_COUNT = 2


def parser() -> Parser:
    """The command's flags."""
    parser = Parser(prog="python -m c4pipe.corpus.sentences.train_punkt", description=__doc__)
    parser.add_argument("--output", required=True, help="the folder to write the four files to")
    parser.add_argument("--text", nargs="*", default=[], help="text files to train on, instead of the texts of Python")
    parser.add_argument("--dry_run", action="store_true", help="say what would be read, and stop")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Train and write. Returns the exit status."""
    args = parser().parse_args(argv)
    output = Path(args.output)
    if not args.dry_run and all((output / name).is_file() for name in PUNKT_FILES):
        print(f"{output} already has a sentence model; nothing to do")
        return 0
    texts = [_read(Path(path)) for path in args.text] if args.text else [*python_prose(), _read(OWN_SENTENCES)]
    num_characters = sum(map(len, texts))
    if args.dry_run:
        print(f"would train on {len(texts)} texts of {num_characters:,} characters and write {args.output}")
        return 0
    files = format_files(train(texts))
    output.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (output / name).write_text(content, encoding="utf-8", newline="\n")
    size = sum(len(content.encode()) for content in files.values())
    print(f"wrote {output}: {size:,} bytes from {num_characters:,} characters; next: --sentence_model={output}")
    return 0


def train(texts: Iterable[str]) -> PunktParameters:
    """Learn abbreviations, collocations, sentence starters and spellings, with NLTK's trainer.

    Raises: UserError if NLTK is not installed.
    """
    try:
        from nltk.tokenize.punkt import PunktTrainer
    except ImportError as error:
        raise UserError("training a sentence model needs NLTK; install it with `pip install nltk`") from error
    trainer = PunktTrainer()
    trainer.train("\n\n".join(texts), finalize=False)
    trainer.freq_threshold(ortho_thresh=_MIN_WORD_COUNT)
    trainer.finalize_training()
    learned = trainer.get_params()
    return PunktParameters(
        frozenset(learned.abbrev_types),
        frozenset(learned.collocations),
        frozenset(learned.sent_starters),
        {word: flags for word, flags in learned.ortho_context.items() if flags},
    )


def format_files(parameters: PunktParameters) -> dict[str, str]:
    """The four files of a `punkt_tab` folder, sorted so that the same parameters give the same bytes."""
    rows = {
        "abbrev_types.txt": parameters.abbreviations,
        "collocations.tab": ("\t".join(pair) for pair in parameters.collocations),
        "ortho_context.tab": (f"{word}\t{flags}" for word, flags in parameters.orthographic_contexts.items()),
        "sent_starters.txt": parameters.sentence_starters,
    }
    return {name: "".join(f"{row}\n" for row in sorted(found)) for name, found in rows.items()}


def python_prose() -> Iterator[str]:
    """The prose in the standard library of this Python: topics of the documentation, and docstrings."""
    standard_library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(standard_library.rglob("*.py")):
        if _SKIPPED_FOLDERS.isdisjoint(path.relative_to(standard_library).parts):
            for text in _texts_of_source(path):
                yield from prose(text)


def prose(text: str) -> Iterator[str]:
    """The paragraphs of a text that are prose, each on one line, without markup."""
    for paragraph in _PARAGRAPH.split(text):
        paragraph = paragraph.strip()
        if _PROSE.fullmatch(paragraph) and len(paragraph.split()) >= _MIN_WORDS:
            yield " ".join(_MARKUP.sub("", paragraph).split())


def _texts_of_source(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return
    if path.parent.name == "pydoc_data":
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from error


if __name__ == "__main__":
    run(main)
