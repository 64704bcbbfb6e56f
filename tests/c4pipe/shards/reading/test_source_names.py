"""One grammar for PATH[@SPLIT][:weight], on every command line."""

import pytest

from c4pipe.errors import UserError
from c4pipe.shards.reading.source_names import SourceName, no_weights, parse_source_name, parse_source_names


@pytest.mark.parametrize(
    ("text", "path", "split", "weight"),
    [
        ("c4/en", "c4/en", None, 1.0),
        ("c4/en:10", "c4/en", None, 10.0),
        ("c4/m@bg-Latn-validation:0.5", "c4/m", "bg-Latn-validation", 0.5),
        ("s3://a:1", "s3://a", None, 1.0),
        ("s3://a:2", "s3://a", None, 2.0),
        ("gs://bucket/c4@de", "gs://bucket/c4", "de", 1.0),
        ("gs://bucket@train/x", "gs://bucket@train/x", None, 1.0),
        ("http://host:8080/c4:3", "http://host:8080/c4", None, 3.0),
        ("http://host:8080", "http://host:8080", None, 1.0),
        ("ftp://user@host", "ftp://user@host", None, 1.0),
        ("hf:glue/sst2", "hf:glue/sst2", None, 1.0),
        ("hf:folder@train:2", "hf:folder", "train", 2.0),
        ("12:30/x", "12:30/x", None, 1.0),
        ("a:b:1", "a:b", None, 1.0),
        ("tasks@my.task:1e-1", "tasks", "my.task", 0.1),
        ("mail@example.jsonl", "mail@example.jsonl", None, 1.0),
        ("mail@example.txt.gz", "mail@example.txt.gz", None, 1.0),
        ("c4/c4-*.json.gz@validation", "c4/c4-*.json.gz", "validation", 1.0),
    ],
)
def test_a_source_has_a_path_a_split_and_a_weight(text, path, split, weight):
    assert parse_source_name(text) == SourceName(path, split, weight)


def test_several_stand_with_commas_between_and_a_comma_of_a_path_is_escaped():
    assert [source.place for source in parse_source_names(r"a@de:2,b\,c@ro")] == ["a@de", "b,c@ro"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "names no source"),
        ("a,,b", "names no source"),
        (":2", "names no source"),
        ("hf:", "names no source"),
        ("a:half", "comes a weight such as 0.5, not 'half'"),
        ("a:-1", "must be a number above 0"),
        ("a:0", "must be a number above 0"),
        ("a:nan", "must be a number above 0"),
        ("a:inf", "must be a number above 0"),
    ],
)
def test_what_is_wrong_is_named(text, complaint):
    with pytest.raises(UserError, match=complaint):
        parse_source_names(text)


def test_a_command_without_weights_names_the_alternative():
    with pytest.raises(UserError, match="c4/en:2 has a weight: mix later"):
        no_weights(parse_source_names("c4/en:2"), "mix later")
