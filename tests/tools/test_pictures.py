"""The pictures of README and docs."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from c4pipe.commands import COMMANDS
from c4pipe.errors import UserError
from c4pipe.vocabulary.training import TrainingOptions, train
from c4pipe.vocabulary.vocabulary import Vocabulary
from tools.pictures.curve import curve
from tools.pictures.drawing import THEMES, Drawing
from tools.pictures.example import beginning, example
from tools.pictures.flow import flow
from tools.pictures.funnel import funnel
from tools.pictures.run import main, pictures

ROOT = Path(__file__).parents[2]
LIGHT, DARK = THEMES
SVG = "{http://www.w3.org/2000/svg}"
STAGES = [
    {"stage": "split-wet-file", "pages": 90, "dropped": {"no_url": {"pages": 10}}},
    {"stage": "english-filter", "pages": 45, "dropped": {"low_confidence": {"pages": 45}}},
]
METRICS = [
    {"step": 0, "validation_loss": 9.0},
    {"step": 10, "mean_loss": 6.5},
    {"step": 20, "mean_loss": 5.0, "validation_loss": 4.5},
]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    texts = ["The cat sat on the mat, and the dog ran to the cat on the mat."] * 50
    return Vocabulary(train(texts, TrainingOptions(num_pieces=30)), 10)


def texts_of(picture: Drawing) -> list[str]:
    return [element.text for element in ElementTree.fromstring(picture.svg()).iter(f"{SVG}text")]


def test_each_named_arrow_of_the_flow_is_a_command():
    code = [
        element.text for element in ElementTree.fromstring(flow(LIGHT).svg()).iter(f"{SVG}text") if element.get("class")
    ]
    assert len(code) == len(set(code)) == 10 and set(code) <= set(COMMANDS)


def test_an_example_shows_noise_in_the_text_and_its_place_in_the_inputs(vocabulary):
    first, second = vocabulary.sentinel_id(0), vocabulary.sentinel_id(1)
    inputs = [*vocabulary.encode("The cat"), first, *vocabulary.encode("on the"), second, vocabulary.eos_id]
    targets = [first, *vocabulary.encode("sat"), second, *vocabulary.encode("mat"), vocabulary.eos_id]
    drawn = beginning(inputs, targets, vocabulary)
    assert drawn.characters == " The cat sat on the mat"
    assert "".join(piece.text for piece in drawn.text if piece.kind == "noise") == " sat mat"
    assert "".join(piece.text for piece in drawn.inputs) == " The cat <extra_id_0> on the <extra_id_1>"
    assert "".join(piece.text for piece in drawn.targets) == " <extra_id_0> sat <extra_id_1> mat"
    assert texts_of(example(LIGHT, drawn))[:6] == ["text", "The", "cat", "sat", "on", "the"]


def test_an_example_with_noise_inside_a_word_is_not_readable(vocabulary):
    sentinels = [vocabulary.sentinel_id(number) for number in range(3)]
    words, noise, full_stop = (vocabulary.encode(text) for text in ("The cat", "sat", "mat."))
    for spans, expected in ((noise, True), (full_stop[-1:], False)):
        inputs = [part for sentinel in sentinels for part in (*words, sentinel)]
        targets = [part for sentinel in sentinels for part in (sentinel, *spans)]
        assert beginning(inputs, targets, vocabulary).is_readable() is expected


def test_the_funnel_shows_the_records_and_what_stays():
    assert texts_of(funnel(LIGHT, STAGES))[2:] == ["records in", "100", "records read as pages", "90", "English", "45"]
    bars = [float(rect.get("width")) for rect in ElementTree.fromstring(funnel(LIGHT, STAGES).svg()).iter(f"{SVG}rect")]
    assert [round(bar / bars[0], 3) for bar in bars] == [1.0, 0.9, 0.1, 0.45, 0.45]


def test_the_curve_goes_down_and_names_its_last_loss():
    picture = curve(LIGHT, METRICS, 5.5)
    assert "validation, 4.50 at the end" in texts_of(picture) and "entropy of the targets, 5.50" in texts_of(picture)
    dots = [
        (float(dot.get("cx")), float(dot.get("cy")))
        for dot in ElementTree.fromstring(picture.svg()).iter(f"{SVG}circle")
    ]
    assert dots == sorted(dots) and len(dots) == 2


def test_both_themes_have_the_same_shapes():
    for draw in (flow, lambda theme: funnel(theme, STAGES), lambda theme: curve(theme, METRICS, 5.5)):
        light, dark = (re.sub(r"#[0-9a-f]{6}", "#", draw(theme).svg()) for theme in THEMES)
        assert light == dark


def test_a_demo_that_did_not_end_is_a_mistake_that_the_user_can_mend(tmp_path):
    with pytest.raises(UserError, match="run `make demo` first"):
        pictures(tmp_path)
    for name, content in (("c4/report.json", {"funnel": STAGES}), ("run/run.json", {"status": "running"})):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "run" / "metrics.jsonl").write_text("")
    with pytest.raises(UserError, match="not finished"):
        main([f"--demo={tmp_path}", f"--output={tmp_path}/pictures"])
    assert not (tmp_path / "pictures").exists()


def test_the_pictures_of_the_readme_are_there_and_small():
    named = set(re.findall(r'"docs/pictures/([a-z]+-(?:light|dark)\.svg)"', (ROOT / "README.md").read_text()))
    there = {path.name: path for path in (ROOT / "docs" / "pictures").iterdir()}
    assert named == set(there) == {f"{n}-{t.name}.svg" for n in ("flow", "example", "funnel", "curve") for t in THEMES}
    for path in there.values():
        assert path.stat().st_size < 30_000
        ElementTree.parse(path)
    for theme in THEMES:
        assert there[f"flow-{theme.name}.svg"].read_text() == flow(theme).svg()
