"""Commands with names of the Hugging Face hub, from text and a model there to a model that is uploaded there."""

import subprocess
import sys
from pathlib import Path

import pytest
from hub_stand_in import environment_for, hub

from c4pipe.shards.text_shards import write_text_shard

transformers = pytest.importorskip("transformers")
pytest.importorskip("huggingface_hub")

ROOT = Path(__file__).parents[2]
SIZES = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_heads": 4, "num_layers": 1, "vocab_size": 384}
SHORT = ("--steps=1", "--batch_size=2", "--validation_examples=2", "--device=cpu")


@pytest.fixture
def root(tmp_path, spiece_model) -> Path:
    """The repositories google/tiny and allenai/c4."""
    model = tmp_path / "hub" / "models" / "google" / "tiny"
    config = transformers.T5Config(**SIZES, decoder_start_token_id=0)
    transformers.T5ForConditionalGeneration(config).save_pretrained(model)
    (model / "spiece.model").write_bytes(spiece_model)
    data = tmp_path / "hub" / "datasets" / "allenai" / "c4" / "en"
    rows = [{"text": "bado kife lumo. " * 40, "timestamp": "", "url": f"http://a.example/{n}"} for n in range(40)]
    for split in ("train", "validation"):
        write_text_shard(str(data / f"c4-{split}.00000-of-00001.json.gz"), rows)
    return tmp_path / "hub"


@pytest.mark.slow
def test_from_text_and_a_model_of_the_hub_to_a_model_there(root, tmp_path):
    with hub(root) as (address, log):
        environment = {**environment_for(address, tmp_path / "cache"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

        def run(module: str, *flags: str) -> str:
            ended = subprocess.run(
                [sys.executable, "-m", module, *flags], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert ended.returncode == 0, ended.stderr
            return ended.stdout

        text = ("--input=hf:allenai/c4@en", "--vocabulary=google/tiny", "--inputs_length=32")
        run("pipelines.c4_to_examples", *text, "--output=examples")
        start = ("--examples=examples", "--from_hugging_face=google/tiny", "--output=run")
        run("model.pretrain", *start, *SHORT)
        said = run("model.export", "--checkpoint=run", "--output=exported", "--push_to=me/mine")
        assert said.endswith(f"exported is at {address}/me/mine\n") and ("private", "me/mine") in log
        here = run("model.generate", "--checkpoint=exported", "--device=cpu", "--max_length=4", "bado kife")
        there = run("model.generate", "--checkpoint=me/mine", "--device=cpu", "--max_length=4", "bado kife")
        assert here == there
        said = run("model.export", "--checkpoint=run", "--output=exported", "--push_to=me/mine", "--dry_run")
        assert said.endswith("would upload exported to the Hugging Face hub as me/mine\n")
