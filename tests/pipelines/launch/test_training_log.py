"""The progress of a vocabulary, from SentencePiece's own log."""

import os
import random
import time

from c4pipe.vocabulary.training import TrainingOptions, train
from pipelines.launch.training_log import Phase, TrainingLog

LOG = """
I0000 00:00:1795894613.725323   10844 trainer_interface.cc:445] Normalizing sentences...
I0000 00:00:1795894614.535424   10844 unigram_model_trainer.cc:297] Making suffix array...
I0000 00:00:1795894616.024748   10844 unigram_model_trainer.cc:301] Extracting frequent sub strings... node_num=202815
I0000 00:00:1795894618.384031   10844 unigram_model_trainer.cc:354] Initialized 29909 seed sentencepieces
I0000 00:00:1795894619.995094   10844 unigram_model_trainer.cc:644] EM sub_iter=0 size=8800 obj=10.6534 num_tokens=92354
I0000 00:00:1795894621.868897   10844 unigram_model_trainer.cc:644] EM sub_iter=0 size=4400 obj=8.76978 num_tokens=95421
I0000 00:00:1795894626.474759   10844 unigram_model_trainer.cc:644] EM sub_iter=1 size=2200 obj=9.98913 num_tokens=11
I0000 00:00:1795894627.474759   10844 trainer_interface.cc:687] Saving model: spiece.model
"""


def test_each_line_of_the_log_brings_the_phase_on():
    phase, told = Phase(num_pieces=2000), []
    for line in LOG.splitlines():
        phase.take(line)
        told.append((round(phase.share, 2), phase.words))
    assert told == [
        (0.0, "reading the text"),
        (0.02, "normalizing the text"),
        (0.08, "sorting its substrings"),
        (0.2, "counting its substrings"),
        (0.36, "choosing pieces"),
        (0.36, "choosing pieces (8,800 left of 8,800)"),
        (0.67, "choosing pieces (4,400 left of 8,800)"),
        (0.98, "choosing pieces (2,200 left of 8,800)"),
        (0.99, "saving"),
    ]


def test_fewer_pieces_than_asked_for_are_no_fault():
    phase = Phase(num_pieces=2000)
    phase.take("EM sub_iter=0 size=1500 obj=1")
    assert 0 <= phase.share <= 1


def text(seed: int) -> str:
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("abcdefghij", k=draw.randrange(2, 7))) for _ in range(300)) + "."


def test_a_training_is_shown_and_nothing_of_its_log(capfd):
    with TrainingLog(100, every=0.0):
        model = train([text(seed) for seed in range(60)], TrainingOptions(100), logs=True)
        time.sleep(0.1)
    shown = capfd.readouterr().err
    assert "vocabulary: " in shown and "choosing pieces (" in shown
    assert "trainer_interface" not in shown and "-" not in shown
    assert model == train([text(seed) for seed in range(60)], TrainingOptions(100))
    os.write(2, b"as before\n")
    assert capfd.readouterr().err == "as before\n"
