import pytest
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

from c4pipe.command_line import Parser
from c4pipe.errors import UserError
from pipelines.launch import beam_flags, beam_options


def parser() -> Parser:
    ours = Parser(prog="prog")
    ours.add_argument("--output")
    ours.add_argument("--dry_run", action="store_true")
    return ours


def parsed(ours: Parser, argv: list[str]):
    flags, left = beam_flags.parse(ours, argv)
    return flags, beam_options.options_of(flags, left)


def test_our_flags_and_beams_are_told_apart():
    flags, options = parsed(parser(), ["--output=x", "--dry_run", "--direct_num_workers=3", "--runner", "DirectRunner"])
    assert flags.output == "x" and flags.dry_run
    assert options.view_as(StandardOptions).runner == "DirectRunner"
    assert options.view_as(DirectOptions).direct_num_workers == 3
    assert "dry_run" not in options.get_all_options(drop_default=True)


def test_without_a_runner_the_local_one_is_named():
    _, options = parsed(parser(), [])
    assert options.view_as(StandardOptions).runner == "FnApiRunner"
    assert beam_options.is_local(options)


def test_a_cluster_runner_is_not_local():
    _, options = parsed(parser(), ["--runner=DataflowRunner", "--temp_location=gs://bucket/temp"])
    assert not beam_options.is_local(options)


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--outptu=x"], "--output"),
        (["--direct_num_worker=2"], "--direct_num_workers"),
        (["stray"], "stray"),
        (["--direct_num_workers=many"], "invalid int"),
        (["--runner=Dirct"], "did you mean DirectRunner"),
        (["--dry"], "unknown flag --dry"),
    ],
)
def test_a_flag_that_nobody_knows_is_one_line(argv, word):
    with pytest.raises(UserError, match=word):
        parsed(parser(), argv)


def test_all_flags_of_beam_are_found_in_its_sources():
    """So what is refused before Beam is imported is unknown to Beam as well."""
    known = Parser(add_help=False, conflict_handler="resolve")
    known.add_value_provider_argument = known.add_argument
    for options in PipelineOptions.__subclasses__():
        if options.__module__.startswith("apache_beam.options."):
            options._add_argparse_args(known)
    assert len(known._option_string_actions) > 100
    assert set(known._option_string_actions) <= beam_flags.names_in_sources()


@pytest.mark.parametrize(
    ("argv", "num_bytes", "mode", "num_workers"),
    [
        (["--output=x"], 1000, "in_memory", 1),
        (["--output=x"], beam_flags.SMALL_BYTES, "multi_processing", 3),
        (["--direct_num_workers=2"], 1000, "multi_processing", 2),
        (["--direct_running_mode=multi_threading"], 1000, "multi_threading", 3),
    ],
)
def test_little_work_stays_in_this_process_unless_workers_were_asked_for(
    argv, num_bytes, mode, num_workers, monkeypatch
):
    monkeypatch.setattr(beam_options, "num_cores", lambda: 3)
    flags, left = beam_flags.parse(parser(), argv)
    options = beam_options.options_of(flags, left)
    beam_options.spare_processes(options, left, num_bytes)
    direct = options.view_as(DirectOptions)
    assert (direct.direct_running_mode, direct.direct_num_workers) == (mode, num_workers)
