"""The rules of a run, built once a worker process."""

from functools import lru_cache

from c4pipe.corpus.badwords import BadwordsFilter
from c4pipe.corpus.cleaning import Cleaner
from c4pipe.corpus.finishing import Finisher
from c4pipe.corpus.language.identifier import load_identifier
from c4pipe.corpus.page_lists import ListedDomains
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus_run.plan import Plan, RuleSet, read_rules


@lru_cache(maxsize=2)
def _rules(path: str) -> RuleSet:
    return read_rules(path)


def _sentences(plan: Plan) -> SentenceCounter | None:
    """The counter of sentences; None for a variant that is not cleaned."""
    punkt = _rules(plan.rules).assets.punkt
    return SentenceCounter(punkt, plan.compat.punkt) if plan.variant.clean and punkt else None


class CleaningRules:
    """What a page meets when its file is read."""

    def __init__(self, plan: Plan) -> None:
        rules = _rules(plan.rules)
        assets, variant = rules.assets, plan.variant
        sentences = _sentences(plan)
        self.cleaner = Cleaner(sentences) if sentences is not None else None
        self.listed_domains = ListedDomains(assets.realnews) if assets.realnews is not None else None
        self.listed_urls = rules.listed_urls if variant.listed_urls else None
        self.excluded_urls = rules.excluded_urls
        self.paragraph_filter = variant.paragraph_filter


def make_finisher(plan: Plan) -> Finisher:
    """What a page meets once it is known which lines it keeps."""
    assets, variant = _rules(plan.rules).assets, plan.variant
    badwords = None
    if variant.needs_badwords and assets.badwords is not None:
        badwords = BadwordsFilter(assets.badwords, plan.compat, variant.badwords_fraction)
    return Finisher(
        variant,
        plan.compat,
        plan.settings.languages,
        load_identifier(plan.settings.language_identifier),
        _sentences(plan),
        badwords,
    )
