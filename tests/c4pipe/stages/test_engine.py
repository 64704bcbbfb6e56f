"""The stages on lists: each transform gives what Beam's gives. tests/pipelines/test_small_input.py runs the command."""

import json
import re
from pathlib import Path

import apache_beam
import pytest

from c4pipe.stages import engine, lists

ROOT = Path(__file__).parents[3]


def double(number: int, times: int = 2) -> int:
    return number * times


def upto(number: int, first: int):
    return range(first, number)


def plain(joined) -> list:
    key, found = joined
    return [key, sorted((name, sorted(values)) for name, values in found.items())]


def graph(beam, pipeline) -> dict:
    """A graph with every transform of `lists`. Returns: name -> collection."""

    class Tagging(beam.DoFn):
        def setup(self):
            self.started = "set up"

        def process(self, element, limit):
            yield beam.pvalue.TaggedOutput("small" if element < limit else "large", (self.started, element))

    class Collecting(beam.DoFn):
        """Pairs of elements, and at the end of a bundle a pair that has only one."""

        def start_bundle(self):
            self.waiting: list[int] = []

        def process(self, element):
            self.waiting.append(element)
            if len(self.waiting) == 2:
                yield len(self.waiting)
                self.waiting = []

        def finish_bundle(self):
            if self.waiting:
                yield beam.transforms.window.GlobalWindows.windowed_value(len(self.waiting))

    class Doubled(beam.PTransform):
        def __init__(self, times: int) -> None:
            super().__init__()
            self._times = times

        def expand(self, values):
            return values | "Double" >> beam.Map(double, times=self._times)

    class Both(beam.PTransform):
        def expand(self, values):
            first, second = values
            return {"first": first, "second": second} | beam.CoGroupByKey()

    numbers = pipeline | "Numbers" >> beam.Create([3, 1, 2], reshuffle=False) | beam.Reshuffle()
    none = numbers | "None" >> beam.FlatMap(lambda number: [])
    total = numbers | "Total" >> beam.CombineGlobally(sum)
    tagged = numbers | beam.ParDo(Tagging(), beam.pvalue.AsSingleton(total)).with_outputs("small", "large")
    by_parity = numbers | "Pairs" >> beam.Map(lambda number: (number % 2, number))
    labels = pipeline | "Labels" >> beam.Create([(0, "even"), (2, "neither")])
    return {
        "doubled": numbers | "Doubled" >> Doubled(5),
        "upto": numbers | "Upto" >> beam.FlatMap(upto, beam.pvalue.AsSingleton(numbers.pipeline | beam.Create([1]))),
        "small": tagged["small"],
        "large": tagged["large"],
        "grouped": by_parity | beam.GroupByKey() | "Sorted" >> beam.Map(lambda group: (group[0], sorted(group[1]))),
        "joined": (by_parity, labels) | Both() | "Plain" >> beam.Map(plain),
        "flat": (numbers, none, total) | beam.Flatten(),
        "all": numbers | "List" >> beam.combiners.ToList() | "Sort" >> beam.Map(sorted),
        "collected": numbers | "Together" >> beam.combiners.ToList() | "Apart" >> beam.FlatMap(list)
        | "Collect" >> beam.ParDo(Collecting()),
        "none": none | "List of none" >> beam.combiners.ToList(),
    }  # fmt: skip


def test_every_transform_gives_what_beams_gives(tmp_path):
    pipeline = apache_beam.Pipeline(runner="FnApiRunner")
    for name, values in graph(apache_beam, pipeline).items():
        path = str(tmp_path / name)
        texts = values | f"As text {name}" >> apache_beam.Map(json.dumps)
        texts | f"Write {name}" >> apache_beam.io.WriteToText(path, shard_name_template="")
    pipeline.run().wait_until_finish()
    for name, values in graph(lists, lists.Pipeline()).items():
        assert sorted(map(json.dumps, values)) == sorted((tmp_path / name).read_text().splitlines()), name


def test_a_side_input_of_several_elements_is_an_error():
    numbers = lists.Pipeline() | lists.Create([1, 2])
    with pytest.raises(ValueError):
        numbers | lists.Map(double, lists.pvalue.AsSingleton(numbers))


def test_lists_have_every_name_of_beam_that_the_stages_of_wet_to_c4_use():
    folder = ROOT / "c4pipe" / "stages"
    paths = [*(folder / "wet_to_c4").glob("*.py"), folder / "gather.py", folder / "merge_summaries.py"]
    paths += [*(folder / "near_duplicates").glob("*.py")]
    used = {name for path in paths for name in names_of_beam(path)}
    assert "GroupByKey" in used and "pvalue.AsSingleton" in used
    for name in sorted(used):
        found = lists
        for part in name.split("."):
            found = getattr(found, part)


def names_of_beam(path: Path) -> list[str]:
    return re.findall(r"\bbeam\.([A-Za-z]+(?:\.[A-Za-z]+)?)", path.read_text(encoding="utf-8"))


def test_beam_stays_once_a_stage_has_it():
    from c4pipe.stages.engine import beam

    assert beam is apache_beam and not engine.use_lists() and engine.beam is apache_beam
