from langdetect.utils.ngram import NGram

from c4pipe.corpus.language.langdetect.characters import NUM_CODE_POINTS, capital_table, fold_table


def test_every_character_is_folded_as_the_package_folds_it():
    expected = [ord(NGram.normalize(chr(code))) for code in range(NUM_CODE_POINTS)]
    assert fold_table().tolist() == expected


def test_capitals_are_those_of_this_python():
    table = capital_table()
    assert [chr(code) for code in (65, 97, 0x416, 0x10400, 0x1D400) if table[code]] == ["A", "Ж", "𐐀", "𝐀"]
    assert table.sum() == sum(chr(code).isupper() for code in range(NUM_CODE_POINTS))
