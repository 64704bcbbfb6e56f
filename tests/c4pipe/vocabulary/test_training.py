"""Training: the same bytes every time, T5's settings, and clear errors if there is too little text."""

import os
import subprocess
import sys

import pytest
import sentencepiece

from c4pipe.errors import UserError
from c4pipe.vocabulary.training import MAX_SENTENCE_BYTES, TrainingOptions, pieces_file, sentences, train
from c4pipe.vocabulary.vocabulary import Vocabulary


def test_the_same_text_gives_the_same_bytes_on_any_number_of_cores(texts, tmp_path):
    script = (
        "import os, sys\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from c4pipe.vocabulary.training import TrainingOptions, train\n"
        "sys.stdout.buffer.write(train(sys.stdin.read().split('\\n'), TrainingOptions(num_pieces=200)))\n"
    )
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system does not bind processes to cores")
    one_core = subprocess.run(
        [sys.executable, "-c", script], input="\n".join(texts).encode(), stdout=subprocess.PIPE, check=True
    ).stdout
    assert train(texts, TrainingOptions(num_pieces=200)) == one_core


def test_special_ids_and_normalisation_are_t5s(vocabulary):
    processor = sentencepiece.SentencePieceProcessor(model_proto=vocabulary.model)
    assert (processor.pad_id(), processor.eos_id(), processor.unk_id(), processor.bos_id()) == (0, 1, 2, -1)
    assert vocabulary.encode("ｂａｄｏ") == vocabulary.encode("bado")  # compatibility forms are one
    assert vocabulary.encode("bado\u200b  fige ") == vocabulary.encode("bado fige")


def test_the_model_has_no_path_of_this_machine(vocabulary):
    assert b"/" not in vocabulary.model.replace(b"</s>", b"").split(b"unigram")[-1][:200]
    assert os.getcwd().encode() not in vocabulary.model


def test_bytes_spell_characters_without_a_piece(texts):
    plain = Vocabulary(train(texts, TrainingOptions(num_pieces=200)), 0)
    spelled = Vocabulary(train(texts, TrainingOptions(num_pieces=456, byte_fallback=True)), 0)
    assert plain.unk_id in plain.encode("bado ☃")
    assert spelled.unk_id not in spelled.encode("bado ☃")
    assert spelled.decode(spelled.encode("bado ☃")) == "bado ☃"


def test_digits_are_split_where_asked(texts):
    numbered = [f"{texts[year % 400]} {year} {year} {year}" for year in (1999, 2018, 2019) for _ in range(200)]
    whole = Vocabulary(train(numbered, TrainingOptions(num_pieces=50)), 0)
    split = Vocabulary(train(numbered, TrainingOptions(num_pieces=50, split_digits=True)), 0)
    assert "2019" in [whole.piece(token).strip("\u2581") for token in whole.encode("2019")]
    assert [split.piece(token).strip("\u2581") for token in split.encode("2019")][-4:] == ["2", "0", "1", "9"]


@pytest.mark.parametrize(
    ("texts", "options", "words"),
    [
        ([], {}, "no text"),
        (["", "  \n "], {}, "no text"),
        (["hello world this is text"] * 20, {}, "--num_pieces=[0-9]+ or less"),
        (["abcdefghijklmnopqrstuvwxyz"] * 20, {"num_pieces": 10}, "fewer than the characters"),
        (["hello"], {"num_pieces": 3}, "too small"),
        (["hello"], {"num_pieces": 200, "byte_fallback": True}, "too small"),
        (["hello"], {"character_coverage": 1.5}, "out of range"),
    ],
)
def test_too_little_text_is_said_clearly(texts, options, words):
    with pytest.raises(UserError, match=words) as caught:
        train(texts, TrainingOptions(**options))
    assert "\n" not in str(caught.value)


def test_the_number_it_names_can_be_had(texts):
    few = texts[:40]
    with pytest.raises(UserError) as caught:
        train(few, TrainingOptions())
    number = int(str(caught.value).split("--num_pieces=")[2].split()[0])
    assert Vocabulary(train(few, TrainingOptions(num_pieces=number)), 0).num_pieces == number


def test_long_lines_are_cut_at_spaces_and_nothing_is_lost():
    line = " ".join(f"wörd{number}" for number in range(3000))
    parts = list(sentences(f"{line}\n\nshort"))
    assert all(len(part.encode()) <= MAX_SENTENCE_BYTES for part in parts)
    assert " ".join(part.strip() for part in parts[:-1]) == line
    assert parts[-1] == "short"
    unbroken = "語" * 5000
    parts = list(sentences(unbroken))
    assert "".join(parts) == unbroken and all(len(part.encode()) <= MAX_SENTENCE_BYTES for part in parts)


def test_text_of_long_lines_alone_is_trained_on(texts):
    # SentencePiece itself would leave out every line and complain of an empty corpus.
    one_line = " ".join(texts)
    assert len(one_line) > MAX_SENTENCE_BYTES
    assert train([one_line], TrainingOptions(num_pieces=150))


def test_the_pieces_file_lists_all_pieces(vocabulary):
    lines = pieces_file(vocabulary.model).decode().splitlines()
    assert [line.split("\t")[0] for line in lines] == [vocabulary.piece(token) for token in range(200)]
    assert lines[0] == "<pad>\t0"
