"""Makes the judges of a run, once per worker process."""

from collections.abc import Sequence
from functools import lru_cache, partial

from c4pipe.corpus.chain import Criteria, Stage, judges_of
from c4pipe.corpus.judging import Judges
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus_run.plan import Plan, RuleSet, read_rules


def criteria_of(plan: Plan, rules: RuleSet) -> Criteria:
    """The criteria from which the judges of a run are made."""
    return Criteria(
        plan.variant,
        plan.compat,
        plan.settings.languages,
        partial(load_identifier, plan.settings.language_identifier),
        rules.assets,
        rules.listed_urls,
        rules.excluded_urls,
    )


@lru_cache(maxsize=2)
def rules_of(path: str) -> RuleSet:
    """The rules file in the work folder, read once per process."""
    return read_rules(path)


def judges_of_worker(plan: Plan, stages: Sequence[Stage]) -> Judges:
    """The judges of these stages."""
    return judges_of(stages, criteria_of(plan, rules_of(plan.rules)))
