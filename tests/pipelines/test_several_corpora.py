"""Several corpora by one command: the bytes of each are those of a command of its own, however it goes."""

import gzip
import json
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from small_crawl import die_half_way, digests, run, write_crawl, write_punkt

from c4pipe.corpus.recipes import recipe_files
from c4pipe.errors import UserError
from c4pipe.folders.lock import locked
from c4pipe.shards import manifest
from pipelines import wet_to_c4
from pipelines.jobs import corpus

# Recipes of a user: `en` with longer lines and a surer language; and near-duplicates, and other cleaning.
OWN = {
    "long": {"words = 5": "words = 12", "min_probability = 0.99": "min_probability = 0.999"},
    "distinct": {"badwords_fraction = 1.0": "badwords_fraction = 0.5\nnear_duplicates = true"},
    "copies": {"deduplicate_lines = true": "deduplicate_lines = false", "sentences = 3": "sentences = 5"},
    "header": {"deduplicate_lines = true": 'deduplicate_lines = true\nlanguage_header = "prefer"'},
}
SETS = {
    "all": ("en", "en.noblocklist", "en.noclean", "realnewslike", "webtextlike"),
    "languages": ("en.noblocklist", "clean"),
    "own": ("long", "distinct", "copies", "header"),
}


class Maker:
    """Makes corpora of one small crawl, alone or together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._alone: dict[str, dict[str, str]] = {}
        for path in write_crawl(folder / "wet", num_files=2, pages_a_file=60):
            _name_german(path)
        write_punkt(folder / "punkt")
        assets = folder / "assets"
        (assets / "badwords").mkdir(parents=True)
        (assets / "badwords" / "en").write_text("exception\nimport\n")
        (assets / "realnews").mkdir()
        domains = {"example.org": ["site1", "site2"]}
        (assets / "realnews" / "domain_to_allowed_subdomains.json").write_text(json.dumps(domains))
        sites = [f"https://www.site{site}.example.org/page{page}.html\n" for site in range(5) for page in range(25)]
        (folder / "urls.txt").write_text("".join(sites))
        for name, changes in OWN.items():
            text = recipe_files.text_of_ours("en").replace('name = "en"', f'name = "{name}"')
            for old, new in changes.items():
                assert old in text
                text = text.replace(old, new)
            (folder / f"{name}.toml").write_text(text)

    def flags(self, names: Sequence[str], output: Path, *more: str) -> list[str]:
        is_own = names[0] in OWN
        recipes = [str(self._folder / f"{name}.toml") for name in names] if is_own else names
        found = [
            f"--{'recipe' if is_own else 'variant'}={','.join(recipes)}",
            f"--input={self._folder / 'wet' / '*.gz'}",
            f"--output={output}",
            f"--assets={self._folder / 'assets'}",
            f"--sentence_model={self._folder / 'punkt'}",
            "--max_quarantined_fraction=0.5",
        ]
        found += [f"--urls={self._folder / 'urls.txt'}"] if "webtextlike" in names else []
        found += ["--languages=en"] if "clean" in names else []
        found += [] if any(flag.startswith("--direct") for flag in more) else ["--direct_num_workers=1"]
        return [*found, *more]

    def make(self, names: Sequence[str], output: Path, *more: str) -> Path:
        assert wet_to_c4.main(self.flags(names, output, *more)) == 0
        return output

    def alone(self, name: str) -> dict[str, str]:
        """What a command of its own makes."""
        if name not in self._alone:
            self._alone[name] = contents(self.make((name,), self._folder / "alone" / name))
        return self._alone[name]


def _name_german(path: Path) -> None:
    """Let the header of every third record of a WET file name German."""
    records = gzip.decompress(path.read_bytes()).split(b"WARC-Date:")
    field = b"WARC-Identified-Content-Language: deu\r\n"
    parts = [part + field if number % 3 == 1 else part for number, part in enumerate(records[:-1])]
    path.write_bytes(gzip.compress(b"WARC-Date:".join([*parts, records[-1]]), 1, mtime=0))


def contents(folder: Path) -> dict[str, str]:
    """What must be the same, however a corpus is made: all files, but of the report not its times."""
    report = json.loads((folder / "report.json").read_text())
    del report["timing"], report["machine"]
    return {**digests(folder), "report": json.dumps(report)}


@pytest.fixture(scope="module")
def maker(tmp_path_factory) -> Maker:
    return Maker(tmp_path_factory.mktemp("crawl"))


@pytest.mark.parametrize("names", SETS.values(), ids=SETS)
def test_each_corpus_is_as_a_command_of_its_own_makes_it(maker, tmp_path, names):
    maker.make(names, tmp_path / "c4")
    for name in names:
        assert contents(tmp_path / "c4" / name) == maker.alone(name), name
    assert sorted(path.name for path in (tmp_path / "c4").iterdir()) == sorted(names)
    pages = {name: manifest.read(str(tmp_path / "c4" / name)).statistics["pages"] for name in names}
    assert min(pages.values()) > 0 and len(set(pages.values())) == len(pages), "the corpora differ"


def test_so_it_is_when_keys_go_through_the_runner_s_shuffle(maker, tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "keys_go_through_files", lambda options: False)
    names = ("en", "en.noblocklist", "en.noclean")
    maker.make(names, tmp_path / "c4")
    assert {name: contents(tmp_path / "c4" / name) for name in names} == {name: maker.alone(name) for name in names}


@pytest.mark.slow
def test_so_it_is_with_several_worker_processes(maker, tmp_path):
    names = ("en", "en.noclean", "realnewslike")
    maker.make(names, tmp_path / "c4", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
    assert {name: contents(tmp_path / "c4" / name) for name in names} == {name: maker.alone(name) for name in names}


def test_each_file_is_read_once_and_each_text_is_identified_once(maker, tmp_path, monkeypatch):
    from c4pipe.corpus.language.langdetect.identifier import LangdetectIdentifier
    from c4pipe.stages.wet_to_c4 import clean_files

    read, asked = [], []
    read_records, identify = clean_files.read_records, LangdetectIdentifier.identify

    def reading(source, parser, name, *more):
        read.append(name)
        return read_records(source, parser, name, *more)

    def identifying(self, texts):
        asked.extend(texts)
        return identify(self, texts)

    monkeypatch.setattr(clean_files, "read_records", reading)
    monkeypatch.setattr(LangdetectIdentifier, "identify", identifying)
    maker.make(("en", "en.noblocklist", "realnewslike"), tmp_path / "c4")
    assert len(read) == len(set(read)) == 2
    alone: list[str] = []
    asked, alone = alone, asked
    maker.make(("en",), tmp_path / "en")
    # Of the same texts, and few more: pages that keep lines in one corpus that they lose in the other.
    assert set(asked) <= set(alone) and len(alone) < 1.5 * len(asked)


# Where the second file of a kind is half written. With the last two, one corpus is whole then and the others are not.
KINDS = ("cleaned/", "/lines/", "/urls_losers/", "/finished/", "/c4-", "/report.json", "/manifest.json")


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[] if kind in ("/finished/", "/manifest.json") else pytest.mark.slow) for kind in KINDS],
)
def test_a_killed_run_goes_on_to_the_same_bytes(maker, tmp_path, kind):
    names, output = ("en", "en.noblocklist", "en.noclean"), tmp_path / "c4"
    flags = maker.flags(names, output)
    for name in names:
        maker.alone(name)
    assert run(flags, lambda: die_half_way(kind)) == signal.SIGKILL
    whole = [name for name in names if (output / name / "manifest.json").exists()]
    assert len(whole) == (kind in ("/report.json", "/manifest.json"))
    cleaned = {path: path.stat().st_mtime_ns for path in output.glob("work/cleaned/*.json")}
    assert run(flags, lambda: die_half_way("/manifest.json") if kind == "/finished/" else None) in (0, signal.SIGKILL)
    if kind == "/finished/":
        assert cleaned and {path: path.stat().st_mtime_ns for path in cleaned} == cleaned
        assert run(flags) == 0
    for name in names:
        assert contents(output / name) == maker.alone(name), name
    assert not (output / "work").exists() and not (output / ".c4pipe.lock").exists()


def test_corpora_that_are_finished_are_not_made_again(maker, tmp_path, capsys):
    maker.make(("en",), tmp_path / "c4" / "en")
    before = (tmp_path / "c4" / "en" / "report.json").stat().st_mtime_ns
    capsys.readouterr()
    maker.make(("en", "en.noclean"), tmp_path / "c4")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{tmp_path}/c4/en is finished already: ")
    assert second.startswith(f"{tmp_path}/c4/en.noclean: ") and "from 2 WET files" in second
    assert (tmp_path / "c4" / "en" / "report.json").stat().st_mtime_ns == before
    maker.make(("en", "en.noclean"), tmp_path / "c4")
    assert all("nothing to do" in line for line in capsys.readouterr().out.splitlines())


def test_a_dry_run_tells_what_all_corpora_need_and_writes_nothing(maker, tmp_path, capsys):
    names = ("en", "en.noblocklist", "en.noclean")
    maker.make(names, tmp_path / "c4", "--dry_run")
    said = capsys.readouterr().out
    assert said.startswith("would make en, en.noblocklist, en.noclean (tfds-3.1.0) together: 2 WET files, ")
    assert "of CPU time" in said and "of work files" in said
    assert [line.split(":")[0].strip() for line in said.splitlines()[1:4]] == [
        f"{tmp_path}/c4/{name}" for name in names
    ]
    assert not (tmp_path / "c4").exists()
    maker.make(("en",), tmp_path / "c4" / "en")
    capsys.readouterr()
    maker.make(names, tmp_path / "c4", "--dry_run")
    said = capsys.readouterr().out
    assert said.startswith(f"{tmp_path}/c4/en is finished already; nothing would be done\nwould make en.noblocklist, ")


def test_another_crawl_is_added_to_the_corpus_of_each_variant(maker, tmp_path):
    names = ("en.noblocklist", "en.noclean")
    first, second = (f"--input={maker._folder}/wet/*0000{number}.warc.wet.gz" for number in (0, 1))
    maker.make(names, tmp_path / "old", first)
    maker.make(names, tmp_path / "new", second, f"--previous={tmp_path / 'old'}")
    for name in names:
        maker.make((name,), tmp_path / "alone", second, f"--previous={tmp_path / 'old' / name}", "--overwrite")
        assert contents(tmp_path / "new" / name) == contents(tmp_path / "alone")


def test_what_cannot_be_made_together_is_refused_in_one_line(maker, tmp_path):
    own = tmp_path / "mine.toml"
    own.write_text(recipe_files.text_of_ours("en").replace('name = "en"', 'name = "work"'))
    long = maker._folder / "long.toml"
    for more, said in (
        (["--variant=en,en.noclean,en"], "--variant names en twice"),
        ([f"--recipe={long},{long}"], "--recipe names long twice"),
        (["--variant=en,english"], "unknown variant"),
        (["--variant=en,"], "--variant=en, has a comma without a name"),
        ([f"--recipe={long}", "--variant=en,en.noclean"], "--variant and --recipe both choose the recipe"),
        ([f"--recipe={long},{own}"], "name: 'work' is the folder for work"),
        (["--variant=en,en.noclean", f"--urls={own}"], "none of en, en.noclean accepts --urls"),
        (["--variant=en,webtextlike"], "variant webtextlike needs --urls"),
        (["--variant=en,clean", "--languages=de"], "variant en has no language 'de'"),
        (["--variant=en,en.noclean", "--dry_run", "--crawl=CC-MAIN-2019-18"], "--crawl tells the cost of one corpus"),
        (["--variant=en,en.noclean", "--print_recipe"], "--print_recipe prints one recipe"),
    ):
        with pytest.raises(UserError) as raised:
            wet_to_c4.main([f"--input={maker._folder / 'wet' / '*.gz'}", f"--output={tmp_path / 'x'}", *more])
        assert said in str(raised.value) and "\n" not in str(raised.value)
    assert not (tmp_path / "x").exists()


def test_a_folder_in_which_corpora_are_made_is_locked_as_a_whole(maker, tmp_path):
    (tmp_path / "c4").mkdir()
    with locked(str(tmp_path / "c4"), "wet_to_c4"), pytest.raises(UserError, match="is in use by wet_to_c4"):
        maker.make(("en", "en.noclean"), tmp_path / "c4")
    assert list((tmp_path / "c4").iterdir()) == []
