"""Every Python snippet of the README runs, in a folder that holds what the demo would have made."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from c4pipe.shards.text_shards import write_text_shard
from pipelines import c4_to_examples, c4_to_vocabulary

ROOT = Path(__file__).parents[1]
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
ONE_PROCESS = ["--direct_running_mode=in_memory", "--direct_num_workers=1"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with demo/vocabulary and demo/examples."""
    folder = tmp_path_factory.mktemp("home")
    words = "thank you for inviting me to your party last week and the ships that come in at night".split()  # noqa: SIM905
    text = " ".join(" ".join(words[start:] + words[:start]) + "." for start in range(len(words)))
    rows = ({"text": text * 4, "timestamp": "", "url": f"http://a.example/{number}"} for number in range(60))
    write_text_shard(str(folder / "text" / "c4-train.00000-of-00001.json.gz"), rows)
    c4 = f"--input={folder}/text/*.json.gz"
    vocabulary = [c4, f"--output={folder}/demo/vocabulary", "--num_pieces=60"]
    assert c4_to_vocabulary.main([*vocabulary, *ONE_PROCESS]) == 0
    examples = [c4, f"--vocabulary={folder}/demo/vocabulary", f"--output={folder}/demo/examples"]
    assert c4_to_examples.main([*examples, "--inputs_length=64", *ONE_PROCESS]) == 0
    return folder


def printed(snippet: str, home: Path, monkeypatch) -> str:
    monkeypatch.chdir(home)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(snippet, "README.md", "exec"), {})
    return out.getvalue()


def test_the_readme_has_a_snippet_for_each_task():
    tasks = ("open_stream", "judging.judge", "span_corruption")
    assert [task for snippet in SNIPPETS for task in tasks if task in snippet] == list(tasks)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=[str(number) for number in range(len(SNIPPETS))])
def test_each_snippet_runs_and_is_short(snippet, home, monkeypatch):
    assert printed(snippet, home, monkeypatch)
    assert len([line for line in snippet.splitlines() if line.strip()]) <= 10


def test_the_stream_goes_over_whole_batches(home, monkeypatch):
    lines = printed(SNIPPETS[0], home, monkeypatch).splitlines()
    assert lines == [f"{16 * step} (16, 64) (16, 14)" for step in range(1, 5)]


def test_the_page_goes_for_the_reason_that_the_comment_names(home, monkeypatch):
    comment = re.search(r"# (.+)$", SNIPPETS[1], re.MULTILINE)[1]
    assert printed(SNIPPETS[1], home, monkeypatch).strip() == comment


def test_the_sentence_loses_words_to_its_targets(home, monkeypatch):
    inputs, targets = printed(SNIPPETS[2], home, monkeypatch).split(" -> ")
    assert "<extra_id_0>" in inputs and targets.startswith("<extra_id_0>")
