import pickle

import pytest

from c4pipe.corpus.sentences.by_marks import MarkCounter

LATIN = MarkCounter(".?!", needs_blank=True)
JAPANESE = MarkCounter("。！？", needs_blank=False)
THAI = MarkCounter("", needs_blank=False, shortest=6)


@pytest.mark.parametrize(
    ("counter", "text", "count"),
    [
        (LATIN, "Una. Dos? «Tres!» Cuatro", 4),
        (LATIN, "Versión 3.14 de todo. Fin.", 2),
        (LATIN, "Una línea\nOtra línea.", 2),
        (LATIN, "", 0),
        (LATIN, "¿Qué...? Nada.", 2),
        (JAPANESE, "一。二！？三", 3),
        (JAPANESE, "「一。」二。", 2),
        (JAPANESE, "一。\n\n二。", 2),
        (THAI, "สวัสดีครับ วันนี้อากาศดี ดี", 2),
    ],
)
def test_sentences_are_separated_by_end_marks(counter, text, count):
    assert counter.count(text) == count
    assert counter.count(text, up_to=1) == min(count, 1)
    assert pickle.loads(pickle.dumps(counter)).count(text) == count
