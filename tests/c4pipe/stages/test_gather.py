import json

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from c4pipe.stages import gather
from c4pipe.stages.gather import Gather, chained, read_gathered


def gathered(folder, values, join_values=list, join_groups=chained):
    with beam.Pipeline(runner="BundleBasedDirectRunner") as pipeline:
        path = pipeline | beam.Create(values) | Gather(str(folder / "all"), join_values, join_groups)
        assert_that(path, equal_to([str(folder / "all.json")]))
    return read_gathered(str(folder / "all.json"))


@pytest.mark.parametrize("count", [0, 1, 64, 65, 200])
def test_values_come_in_the_order_of_their_numbers_however_many_they_are(tmp_path, count):
    assert gathered(tmp_path, [(number, f"v{number}") for number in reversed(range(count))]) == [
        f"v{number}" for number in range(count)
    ]
    assert len(list(tmp_path.glob("all-*.json"))) == -(-count // gather._GROUP_SIZE)


def test_values_are_joined_in_groups_and_groups_into_one_value(tmp_path):
    assert gathered(tmp_path, [(number, number) for number in range(130)], sum, sum) == sum(range(130))
    assert [json.loads(path.read_text()) for path in sorted(tmp_path.glob("all-*.json"))] == [2016, 6112, 257]


def test_files_of_an_earlier_run_are_not_read(tmp_path):
    gathered(tmp_path, [(number, 1) for number in range(200)], sum, sum)
    assert gathered(tmp_path, [(number, 1) for number in range(10)], sum, sum) == 10
