"""Makes the judges of a run, once per worker process."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from c4pipe.corpus.chain import Criteria, Stage, judges_of
from c4pipe.corpus.judging import Judges
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus.language.identifier import LanguageIdentifier
from c4pipe.corpus.language.remembering import RememberingIdentifier
from c4pipe.corpus_run.plan import Plan, RuleSet, read_rules

# Gives the identifier of that name.
LoadsIdentifier = Callable[[str], LanguageIdentifier]


class SharedIdentifiers:
    """Loads each language identifier once, for the plans of several corpora, and lets it remember its answers."""

    def __init__(self) -> None:
        self._loaded: dict[str, RememberingIdentifier] = {}

    def load(self, name: str) -> RememberingIdentifier:
        """The identifier of that name."""
        if name not in self._loaded:
            self._loaded[name] = RememberingIdentifier(load_identifier(name))
        return self._loaded[name]

    def forget(self) -> None:
        """Forget the answers of all identifiers, so that memory does not grow with the number of files."""
        for identifier in self._loaded.values():
            identifier.forget()


def criteria_of(plan: Plan, rules: RuleSet, load: LoadsIdentifier = load_identifier) -> Criteria:
    """The criteria from which the judges of a run are made."""
    return Criteria(
        plan.variant,
        plan.compat,
        plan.settings.languages,
        partial(load, plan.settings.language_identifier),
        rules.assets,
        rules.listed_urls,
        rules.excluded_urls,
    )


@lru_cache(maxsize=16)
def rules_of(path: str) -> RuleSet:
    """The rules file in the work folder, read once per process."""
    return read_rules(path)


def judges_of_worker(plan: Plan, stages: Sequence[Stage], load: LoadsIdentifier = load_identifier) -> Judges:
    """The judges of these stages."""
    return judges_of(stages, criteria_of(plan, rules_of(plan.rules), load))
