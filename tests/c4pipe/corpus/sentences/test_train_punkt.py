import pytest

from c4pipe.corpus import assets
from c4pipe.corpus.sentences import train_punkt
from c4pipe.corpus.sentences.counter import PUNKT_FILES, SentenceCounter, parse_punkt_files
from c4pipe.corpus.variants import VARIANTS
from c4pipe.errors import UserError

TEXT = "Yesterday Mr. Brown saw Mrs. Green. The dog saw Mr. Brown too, and Mrs. Green saw the cat. " * 20


def test_a_model_trained_on_text_tells_its_abbreviations_from_ends(tmp_path, capsys):
    (tmp_path / "text.txt").write_text(TEXT)
    assert train_punkt.main(["--output", str(tmp_path / "model"), "--text", str(tmp_path / "text.txt")]) == 0
    assert f"--sentence_model={tmp_path / 'model'}" in capsys.readouterr().out.splitlines()[-1]
    found = assets.resolve(VARIANTS["en.noblocklist"], sentence_model=str(tmp_path / "model")).punkt
    assert {"mr", "mrs"} <= found.abbreviations and "green" not in found.abbreviations
    assert SentenceCounter(found, "nltk-3.8.1").count("There is Mr. Brown. Here is Mrs. Green.") == 2


def test_a_finished_model_is_left_alone(tmp_path, capsys):
    for name in PUNKT_FILES:
        (tmp_path / name).write_text("kept\n")
    assert train_punkt.main(["--output", str(tmp_path)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert (tmp_path / "abbrev_types.txt").read_text() == "kept\n"


def test_dry_run_writes_nothing(tmp_path, capsys):
    (tmp_path / "text.txt").write_text(TEXT)
    output = tmp_path / "model"
    assert train_punkt.main(["--output", str(output), "--text", str(tmp_path / "text.txt"), "--dry_run"]) == 0
    assert "would train on 1 texts" in capsys.readouterr().out and not output.exists()


def test_a_text_that_is_not_there_is_an_error_of_the_user(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        train_punkt.main(["--output", str(tmp_path / "model"), "--text", str(tmp_path / "no")])


def test_files_are_read_back_as_they_were_written():
    learned = train_punkt.train([TEXT])
    files = train_punkt.format_files(learned)
    assert parse_punkt_files(files) == learned
    assert all(rows == sorted(rows) for rows in (content.splitlines() for content in files.values()))


def test_prose_is_distinguished_from_code_and_tables():
    text = "This is a paragraph of *real* prose,\nwritten for ``people`` to read."
    text += "\n\n>>> print(1)\n1\n\nName  Value\n\n--help"
    assert list(train_punkt.prose(text)) == ["This is a paragraph of real prose, written for people to read."]


def test_the_bundled_model_is_small_enough_to_ship():
    files = [assets._BUNDLED_FOLDER / name for name in PUNKT_FILES]
    assert sum(path.stat().st_size for path in files) < 200_000


def test_decisions_of_the_bundled_model_are_those_of_punkt_tab_on_real_pages(shared):
    """Three sentences or not: on 99.9% of pages."""
    from c4pipe.corpus import cleaning
    from c4pipe.corpus.wet import parsers
    from c4pipe.records import Page

    variant = VARIANTS["en.noblocklist"]
    counts = [
        SentenceCounter(
            assets.resolve(variant, folder=str(shared / "assets"), sentence_model=model).punkt, "nltk-3.8.1"
        )
        for model in ("punkt_tab", "bundled")
    ]
    num_pages = num_different = 0
    for path in sorted((shared / "data/wet").glob("*.warc.wet.gz"))[:2]:
        for outcome in parsers.read_records(path):
            if isinstance(outcome, Page):
                lines = [cleaning.line_outcome(line, variant.rules) for line in outcome.text.splitlines()]
                text = "\n".join(line.line for line in lines if line.rule is None)
                decisions = {count.count(text, up_to=variant.min_sentences) for count in counts}
                num_pages += 1
                num_different += len(decisions) > 1
    assert num_pages > 4000 and num_different <= num_pages / 1000
