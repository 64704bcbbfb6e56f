import pytest

from c4pipe.stages.wet_to_c4.write_shards import part_of_inputs


@pytest.mark.parametrize(("num_files", "count"), [(1, 1), (8, 8), (8, 3), (3, 8), (7, 5), (64_000, 1024), (1, 5)])
def test_shards_cover_every_part_of_every_file_once_and_in_order(num_files, count):
    parts = [part for shard in range(count) for part in part_of_inputs(shard, count, num_files)]
    assert parts == sorted(parts)
    covered: dict[int, int] = {}
    for file, low, high in parts:
        assert covered.get(file, 0) == low < high
        covered[file] = high
    assert covered == dict.fromkeys(range(num_files), count)
