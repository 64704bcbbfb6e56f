import numpy as np
import pytest

from c4pipe.corpus.language.langdetect.trials import _scale


@pytest.mark.parametrize("num_pages", [1, 2, 3, 8, 300])
def test_rows_are_summed_from_left_to_right_however_many_there_are(num_pages):
    # Magnitudes as in a page: another order of additions gives other last bits for nearly every row.
    probability = 10.0 ** np.random.default_rng(num_pages).uniform(-12, 0, (num_pages, 55))
    expected = probability.tolist()
    for row in expected:
        total = 0.0
        for number in row:
            total += number
        row[:] = [number / total for number in row]
    largest = _scale(probability)
    assert probability.tolist() == expected
    assert largest.tolist() == [max(row) for row in expected]
