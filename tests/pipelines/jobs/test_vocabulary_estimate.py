"""The estimate of c4_to_vocabulary, from a trial on a little of the text."""

import random
import re

import pytest

from c4pipe.errors import UserError
from c4pipe.shards.text_shards import write_text_shard
from pipelines.c4_to_vocabulary import parser
from pipelines.jobs import vocabulary, vocabulary_estimate


def page(seed: int) -> dict:
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghij", k=draw.randrange(2, 7))) for _ in range(300)]
    return {"text": " ".join(words) + ".", "timestamp": "2019-04-18T00:00:00Z", "url": "http://a.example/"}


def estimate(path: str, *flags: str) -> str:
    asked = parser().parse_args([f"--input={path}", "--output=out", "--num_pieces=500", *flags])
    return vocabulary_estimate.estimate(vocabulary.make_job(asked))


@pytest.fixture(scope="module", params=["json.gz", "json.zst", "parquet"])
def shard(request, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("c4") / f"c4-train.00000-of-00001.{request.param}"
    write_text_shard(str(path), map(page, range(600)), request.param)
    return str(path)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Trials take a second per 100,000 bytes; sizes of them."""
    moments, sizes = [0.0], []

    def train(texts, options):
        sizes.append(sum(len(text) for text in texts))
        moments[0] += sizes[-1] / 100_000

    monkeypatch.setattr(vocabulary_estimate.time, "perf_counter", lambda: moments[0])
    monkeypatch.setattr(vocabulary_estimate, "train", train)
    return sizes


def test_the_trial_s_rate_goes_for_all_of_the_text(shard, clock):
    said = estimate(shard)
    num_bytes = int(re.search(r"on about ([\d,]+) bytes", said)[1].replace(",", ""))
    whole = sum(len(page(seed)["text"]) for seed in range(600))
    if not shard.endswith("parquet"):  # of which it is guessed how much text it packs
        assert num_bytes == pytest.approx(whole, rel=0.01)
    assert 480_000 < clock[0] < 520_000
    seconds = num_bytes / 100_000
    assert f"{seconds:.0f} s of it for training" in said and f"about {seconds + 5:.0f} s on this machine" in said


def test_no_more_is_taken_than_the_sample(shard, clock):
    said = estimate(shard, "--sample_bytes=200000")
    assert "on about 200,000 bytes of 1 sources" in said and "2 s of it for training" in said


def test_a_trial_that_fails_is_said(shard, monkeypatch):
    def train(texts, options):
        raise UserError("too little")

    monkeypatch.setattr(vocabulary_estimate, "train", train)
    with pytest.raises(UserError, match=r"a trial on [\d,]+ bytes of the text failed, .*too little"):
        estimate(shard)
