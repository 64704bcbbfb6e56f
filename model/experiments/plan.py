"""A plan of a search: rows that differ in how a model is pre-trained and fine-tuned. Plans are TOML files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from c4pipe.checked_json import between, length_between
from c4pipe.choices import check_choice, did_you_mean
from c4pipe.errors import UserError
from c4pipe.toml_tables import converted, parse_toml
from model.architectures.config import ARCHITECTURE_NAMES
from model.data.mixture_flags import AS_GIVEN, MIXTURES

PLANS = ("table1", "table2", "table4", "table5", "table6", "table7", "table8", "table9", "table10", "table11")
# The columns of the paper's tables, in their order: the names of our benchmarks and tasks, and the paper's titles.
PAPER_COLUMNS = {
    "glue": "GLUE",
    "cnn_dailymail": "CNNDM",
    "squad": "SQuAD",
    "super_glue": "SGLUE",
    "translate_en_de": "EnDe",
    "translate_en_fr": "EnFr",
    "translate_en_ro": "EnRo",
}
C4 = "c4"
_ROWS, _SCALE = "rows", "scale"
_CORPUS = re.compile(r"[A-Za-z0-9_]+")

Positive = Annotated[int, between(1, 1 << 53)]
Name = Annotated[str, length_between(1, 100)]


@dataclass(frozen=True)
class Row:
    """A row of a plan. The defaults are the paper's baseline (section 3.1).

    corpus: the name of a corpus that the user gives. repeat: how often each example is seen (`pretrain --repeat`).
    mixture: `as_given` pre-trains on the corpus and then fine-tunes; other mixing strategies train on the corpus and
    all tasks together, for as many steps as both, and do not fine-tune (section 3.5.2). mixture_limit: the paper's K,
    for the paper's budget. learning_rates: of fine-tuning; if there are several, the first seed chooses. paper: the
    paper's figures, in the order of `PAPER_COLUMNS`; empty if it has none.
    """

    name: Name
    note: str = ""
    corpus: Name = C4
    objective: Name = "replace_spans"
    noise_density: float | None = None
    mean_noise_span_length: float | None = None
    architecture: Name = "encoder_decoder"
    repeat: Positive | None = None
    mixture: str = AS_GIVEN
    mixture_limit: float = 2.0**21
    mixture_temperature: float = 1.0
    method: Name = "all_parameters"
    adapter_size: Positive = 128
    from_scratch: bool = False
    learning_rates: tuple[float, ...] = ()
    paper: tuple[float, ...] = ()

    @property
    def is_multi_task(self) -> bool:
        return self.mixture != AS_GIVEN

    @property
    def variant(self) -> str:
        """The fine-tuning method, or `from_scratch`, by which default learning rates are looked up."""
        return "from_scratch" if self.from_scratch else self.method


@dataclass(frozen=True)
class Plan:
    """A plan. section: of the paper. baseline: the row whose repeats give the spread. scale: changes to the scale."""

    title: Name
    baseline: Name
    rows: tuple[Row, ...]
    section: str = ""
    note: str = ""
    scale: Mapping[str, Any] = field(default_factory=dict)

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)


def open_plan(name: str) -> Plan:
    """A built-in plan by its name, or the plan in a TOML file.

    Raises: UserError if there is no such plan, or if the file is not a plan.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"{name} is not there; give a TOML file or one of {', '.join(PLANS)}")
        return parse_plan(path.read_text(encoding="utf-8"), name)
    check_choice("plan", name, PLANS)
    return parse_plan(text_of_ours(f"plans/{name}.toml"), name)


def text_of_ours(name: str) -> str:
    """The text of a file that comes with this package."""
    return resources.files("model.experiments").joinpath(name).read_text(encoding="utf-8")


def parse_plan(text: str, where: str) -> Plan:
    """The plan in the text of a file. where: its name, for errors.

    Raises: UserError if it is not a plan.
    """
    table = parse_toml(text, where)
    rows = table.pop(_ROWS, [])
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{where} has no rows; write each below a line [[rows]]")
    made = tuple(converted(row, Row, f"{where}: row {number}") for number, row in enumerate(rows, start=1))
    plan = converted({**table, _ROWS: ()}, Plan, where)
    return check_plan(replace(plan, rows=made), where)


def check_plan(plan: Plan, where: str) -> Plan:
    """The plan, unchanged. Raises: UserError for mistakes that can be seen in the plan alone."""
    names = [row.name for row in plan.rows]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{where}: two rows are called {repeated[0]!r}; give each row its own name")
    if plan.baseline not in names:
        raise UserError(f"{where}: baseline: no row is called {plan.baseline!r}{did_you_mean(plan.baseline, names)}")
    for row in plan.rows:
        place = f"{where}: {row.name}"
        check_choice(f"architecture in {place}", row.architecture, ARCHITECTURE_NAMES)
        check_choice(f"mixture in {place}", row.mixture, MIXTURES)
        if not _CORPUS.fullmatch(row.corpus):
            raise UserError(f"{place}: corpus: {row.corpus!r} is not a name of letters, digits and _")
        if row.paper and len(row.paper) != len(PAPER_COLUMNS):
            raise UserError(f"{place}: paper needs {len(PAPER_COLUMNS)} figures: {', '.join(PAPER_COLUMNS.values())}")
        if row.is_multi_task and (row.repeat or row.from_scratch or row.method != "all_parameters"):
            raise UserError(f"{place}: a mixture is not fine-tuned, and cannot be repeated; leave the other keys out")
        if any(not rate > 0 for rate in row.learning_rates):
            raise UserError(f"{place}: learning_rates must be above 0")
    return plan
