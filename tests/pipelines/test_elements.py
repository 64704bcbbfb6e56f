"""What travels between the workers of a cluster: engines limit the size of an element and of a side input."""

import itertools
import pickle

import apache_beam as beam
import pytest
from small_crawl import write_crawl, write_punkt

from c4pipe.stages import gather
from c4pipe.stages.wet_to_c4 import packed_rows
from c4pipe.stages.wet_to_c4.make_c4 import MakeC4
from pipelines import wet_to_c4
from pipelines.jobs import corpus

# Packed keys of a small WET file, or a number or path with what pickle adds. Keys of large files, and keys that are
# collected from several files, are cut into elements of `MAX_ELEMENT_BYTES` (see test_packed_rows.py).
_MOST_BYTES = 2000


def measure_elements(context, log) -> None:
    """Let `MakeC4` append the kind and the pickled size of each element of a shuffle or side input to a file."""
    expand, apply, ask, names = MakeC4.expand, beam.Pipeline.apply, beam.pvalue.AsSingleton.__init__, itertools.count()

    def measured(values, kind: str):
        return values | f"Measure {next(names)}" >> beam.Map(_measure, str(log), kind)

    def measured_apply(own, transform, values=None, *more, **named):
        if isinstance(transform, beam.GroupByKey):
            values = measured(values, "shuffled")
        return apply(own, transform, values, *more, **named)

    def measured_ask(own, value, *more):
        ask(own, measured(value, "side input"), *more)

    def measured_expand(own, pipeline):
        # Only while the graph is made: runners make side inputs again when they read it.
        with pytest.MonkeyPatch.context() as making:
            making.setattr(beam.Pipeline, "apply", measured_apply)
            making.setattr(beam.pvalue.AsSingleton, "__init__", measured_ask)
            return expand(own, pipeline)

    context.setattr(MakeC4, "expand", measured_expand)


def _measure(element, log: str, kind: str):
    with open(log, "a") as lines:
        lines.write(f"{kind}\t{len(pickle.dumps(element))}\n")
    return element


def largest_elements(folder, num_files: int, monkeypatch) -> dict[str, int]:
    """The size of the largest element of each kind in a run as on a cluster, with a number of WET files."""
    write_crawl(folder / "wet", num_files=num_files, pages_a_file=15)
    with monkeypatch.context() as context:
        measure_elements(context, folder / "log")
        context.setattr(corpus, "keys_go_through_files", lambda options: False)
        context.setattr(packed_rows, "COLLECTED_BYTES", 1)
        flags = [f"--input={folder / 'wet'}/*.gz", f"--output={folder / 'c4'}", "--variant=en.noblocklist"]
        flags += [f"--sentence_model={write_punkt(folder / 'punkt')}", "--max_quarantined_fraction=0.9"]
        assert wet_to_c4.main([*flags, "--direct_num_workers=1"]) == 0
    rows = [line.split("\t") for line in (folder / "log").read_text().splitlines()]
    return {kind: max(int(size) for found, size in rows if found == kind) for kind in ("shuffled", "side input")}


@pytest.mark.slow
def test_no_element_and_no_side_input_grows_with_the_number_of_wet_files(tmp_path, monkeypatch):
    few = largest_elements(tmp_path / "few", 3, monkeypatch)
    monkeypatch.setattr(gather, "_GROUP_SIZE", 4)
    many = largest_elements(tmp_path / "many", 30, monkeypatch)
    for largest in (few, many):
        assert 300 < largest["shuffled"] < _MOST_BYTES
        assert 50 < largest["side input"] < _MOST_BYTES
    # Longer numbers; the paths of 27 more files, or what is known of them, would be thousands of bytes.
    assert many["side input"] - few["side input"] < 20 and many["shuffled"] - few["shuffled"] < 500
