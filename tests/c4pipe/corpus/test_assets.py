"""Where assets come from, and the errors if they cannot be found."""

import hashlib
import http.server
import io
import threading
import zipfile
from dataclasses import replace

import pytest

from c4pipe.corpus import assets, pinned_assets
from c4pipe.corpus.variants import VARIANTS
from c4pipe.errors import UserError

FILES = {
    "abbrev_types.txt": "dr\n",
    "collocations.tab": "s\tbach\n",
    "ortho_context.tab": "he\t34\n",
    "sent_starters.txt": "however\n",
}
EN = VARIANTS["en"]
PLAIN = VARIANTS["en.noblocklist"]


@pytest.fixture
def folder(tmp_path):
    """An assets folder as `--assets` takes it."""
    root = tmp_path / "assets"
    for name, content in {f"punkt_tab/english/{n}": c for n, c in FILES.items()}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (root / "badwords").mkdir()
    (root / "badwords/en").write_text("darn\r\nholy cow\n\n")
    (root / "realnews").mkdir()
    (root / "realnews/domain_to_allowed_subdomains.json").write_text('{"a.com": true, "b.com": ["x"]}')
    return root


@pytest.fixture
def server(monkeypatch):
    """Serves what is put into its dictionary; the pinned addresses and hashes point there."""
    served: dict[str, bytes] = {}
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200 if self.path in served else 404)
            self.end_headers()
            self.wfile.write(served.get(self.path, b""))

        def log_message(self, *args):
            pass

    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{serving.server_address[1]}"

    def pin(pinned, path, content):
        return replace(pinned, address=f"{address}{path}", sha256=hashlib.sha256(content).hexdigest())

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        for name, content in FILES.items():
            target.writestr(f"punkt_tab/english/{name}", content)
    served.update({"/punkt_tab.zip": archive.getvalue(), "/en": b"darn\n", "/domains": b'{"a.com": true}'})
    punkt = tuple(
        pin(pinned, "/punkt_tab.zip", FILES[pinned.name.rsplit("/", 1)[1]].encode()) for pinned in pinned_assets.PUNKT
    )
    badwords = tuple(pin(p, "/en", served["/en"]) for p in pinned_assets.BADWORDS if p.name == "badwords/en")
    monkeypatch.setattr(assets, "PUNKT", punkt)
    monkeypatch.setattr(assets, "BADWORDS", badwords)
    monkeypatch.setattr(assets, "REALNEWS", pin(pinned_assets.REALNEWS, "/domains", served["/domains"]))
    yield served, asked
    serving.shutdown()
    serving.server_close()


def test_a_folder_gives_everything_and_its_hashes(folder):
    found = assets.resolve(VARIANTS["realnewslike"], folder=str(folder))
    assert found.punkt.abbreviations == {"dr"} and found.punkt.collocations == {("s", "bach")}
    assert found.punkt.orthographic_contexts == {"he": 34} and found.punkt.sentence_starters == {"however"}
    assert found.badwords == {"en": {"darn", "holy cow"}}
    assert found.realnews == {"a.com": True, "b.com": ["x"]}
    assert len(found.sha256) == 6
    assert found.sha256["badwords/en"] == hashlib.sha256(b"darn\r\nholy cow\n\n").hexdigest()


def test_a_variant_needs_only_its_own_assets(tmp_path):
    found = assets.resolve(VARIANTS["en.noclean"], folder=str(tmp_path))
    assert (found.punkt, found.badwords, found.realnews, found.sha256) == (None, None, None, {})


def test_what_is_missing_in_a_given_folder_is_an_error_and_nothing_falls_back(folder, server):
    (folder / "badwords/en").unlink()
    with pytest.raises(UserError, match=r"badwords/en is not in --assets=.*/en\), or leave --assets out"):
        assets.resolve(EN, folder=str(folder), cache=str(folder))
    assert server[1] == []


def test_a_folder_that_is_none_is_an_error():
    with pytest.raises(UserError, match="--assets=/nowhere is not a folder"):
        assets.resolve(EN, folder="/nowhere")


def test_assets_are_downloaded_once_into_the_cache(server, tmp_path):
    _, asked = server
    for _ in range(2):
        found = assets.resolve(VARIANTS["realnewslike"], cache=str(tmp_path / "cache"))
    assert sorted(asked) == ["/domains", "/en", "/punkt_tab.zip"]
    assert found.punkt.abbreviations == {"dr"} and found.badwords == {"en": {"darn"}}
    assert not list(tmp_path.rglob("*.incomplete"))


def test_sentences_of_another_language_come_from_the_archive(server, tmp_path, monkeypatch):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(f"punkt_tab/german/{name}", content.replace("dr", "hr"))
    host = assets.PUNKT[0].address.rpartition("/")[0]
    sha256 = hashlib.sha256(packed.getvalue()).hexdigest()
    monkeypatch.setattr(
        assets, "PUNKT_ARCHIVE", replace(assets.PUNKT_ARCHIVE, address=f"{host}/all.zip", sha256=sha256)
    )
    server[0]["/all.zip"] = packed.getvalue()
    german = replace(PLAIN, sentences="german")
    for _ in range(2):
        found = assets.resolve(german, cache=str(tmp_path))
    assert found.punkt.abbreviations == {"hr"} and server[1] == ["/all.zip"]
    assert sorted(found.sha256) == [f"punkt_tab/german/{name}" for name in sorted(FILES)]


def test_a_damaged_file_in_the_cache_is_fetched_again(server, tmp_path):
    assets.resolve(PLAIN, cache=str(tmp_path))
    (tmp_path / "punkt_tab/english/abbrev_types.txt").write_text("other\n")
    assert assets.resolve(PLAIN, cache=str(tmp_path)).punkt.abbreviations == {"dr"}


def test_other_bytes_than_pinned_are_refused_and_not_kept(server, tmp_path):
    server[0]["/en"] = b"other\n"
    with pytest.raises(UserError, match=r"/en gave another badwords/en \(sha256 .*, pinned .*--assets=DIR"):
        assets.resolve(EN, cache=str(tmp_path))
    assert not (tmp_path / "badwords").exists()


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_an_archive_that_is_none_is_refused(server, tmp_path, content):
    server[0]["/punkt_tab.zip"] = content
    with pytest.raises(UserError, match="is not the archive that was pinned"):
        assets.resolve(PLAIN, cache=str(tmp_path))


def test_offline_one_line_says_the_address_the_flag_and_the_alternative(server, tmp_path):
    server[0].clear()
    for variant, alternative in ((PLAIN, "--sentence_model=bundled"), (EN, "--sentence_model=bundled")):
        with pytest.raises(UserError) as error:
            assets.resolve(variant, cache=str(tmp_path))
        message = str(error.value)
        assert "\n" not in message and "http://127.0.0.1" in message and "--assets=DIR" in message
        assert alternative in message
    with pytest.raises(UserError, match=r"/en .*--assets=DIR.*--badwords=FILE.*--variant=en.noblocklist"):
        assets.resolve(EN, sentence_model="bundled", cache=str(tmp_path))


def test_the_bundled_model_needs_no_other_file(tmp_path):
    found = assets.resolve(PLAIN, sentence_model="bundled", cache=str(tmp_path))
    assert {"mr", "mrs", "dr"} <= found.punkt.abbreviations
    assert list(tmp_path.iterdir()) == []
    assert all(name.startswith("bundled/") for name in found.sha256)


def test_a_folder_may_be_the_sentence_model(folder, tmp_path):
    model = str(folder / "punkt_tab/english")
    assert assets.resolve(PLAIN, sentence_model=model).punkt.abbreviations == {"dr"}
    with pytest.raises(UserError, match=r"abbrev_types.txt is missing; --sentence_model takes punkt_tab, bundled"):
        assets.resolve(PLAIN, sentence_model=str(tmp_path / "no"))


def test_bad_words_of_one_s_own(folder, tmp_path):
    own = tmp_path / "mine.txt"
    own.write_text("gosh\n")
    found = assets.resolve(EN, sentence_model="bundled", badwords_file=str(own))
    assert found.badwords == {"en": {"gosh"}}
    found = assets.resolve(VARIANTS["multilingual"], badwords_file=str(folder / "badwords"))
    assert found.badwords == {"en": {"darn", "holy cow"}}
    with pytest.raises(UserError, match="no list of bad words at"):
        assets.resolve(EN, sentence_model="bundled", badwords_file=str(tmp_path / "no"))


def test_a_list_of_bad_words_replaces_only_that_of_its_language(folder, server, tmp_path):
    multilingual = VARIANTS["multilingual"]
    own = tmp_path / "mine"
    own.write_text("gosh\n")
    cache = str(tmp_path / "cache")

    def words(given, languages=multilingual.languages):
        return assets.resolve(multilingual, badwords_file=given, languages=languages, cache=cache).badwords

    assert words(f"ro:{own}") == {"en": {"darn"}, "ro": {"gosh"}}
    assert words(f"ro:{own},en:{own}") == {"en": {"gosh"}, "ro": {"gosh"}}
    assert words(f"ru-Latn:{own}")["ru"] == {"gosh"}
    assert words(str(own), languages=("ro",)) == {"en": {"darn"}, "ro": {"gosh"}}
    named = assets.resolve(multilingual, badwords_file=f"ro:{own}", cache=cache).sha256
    assert set(named) == {"badwords/en", "badwords/ro/mine"}
    for given, complaint in (
        (str(own), rf"does not say which of the run's \d+ languages .* --badwords=LANG:{own}"),
        (f"tlh:{own}", "the run has no language 'tlh'"),
        (f"ro:{own},{own}", "has no language; give LANG:FILE"),
        (f"ro:{own},ro:{own}", "names ro twice"),
        (f"ro:{own}x", "no list of bad words at"),
    ):
        with pytest.raises(UserError, match=complaint):
            words(given)
    with pytest.raises(UserError, match="the run has no language 'ro'; it has en"):
        assets.resolve(EN, sentence_model="bundled", badwords_file=f"ro:{own}")


def test_the_pinned_hashes_are_those_of_the_real_files(shared):
    for pinned in (*pinned_assets.PUNKT, *pinned_assets.BADWORDS, pinned_assets.REALNEWS):
        content = (shared / "assets" / pinned.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == pinned.sha256, pinned.name


def test_the_english_list_is_the_older_one_of_377_entries(shared):
    found = assets.resolve(EN, folder=str(shared / "assets"))
    assert len(found.badwords["en"]) == 377
    assert any("/25e679f03d96baa721cde20db9944649e8d0a844/en" in p.address for p in pinned_assets.BADWORDS)
    assert len(pinned_assets.BADWORDS) == 28
