"""What a comparison of fine-tuning methods runs: the methods, and training from scratch; and their learning rates."""

from c4pipe.choices import check_choice
from c4pipe.errors import UserError
from model.finetuning.catalog import METHODS

FROM_SCRATCH = "from_scratch"
VARIANTS = (*METHODS, FROM_SCRATCH)
DEFAULT_RATES = {**{name: method.learning_rate for name, method in METHODS.items()}, FROM_SCRATCH: 0.01}


def parse_rates(text: str) -> dict[str, tuple[float, ...]]:
    """The learning rates to try, by variant, of `METHOD:RATE[+RATE...],...`.

    >>> parse_rates("adapters:0.05+0.02")["adapters"]
    (0.05, 0.02)

    Raises: UserError for a method that does not exist, or a rate that is not above 0.
    """
    rates: dict[str, tuple[float, ...]] = {name: (rate,) for name, rate in DEFAULT_RATES.items()}
    for part in filter(None, text.split(",")):
        name, _, given = part.partition(":")
        check_choice("method of --rates", name, VARIANTS)
        try:
            rates[name] = tuple(float(rate) for rate in given.split("+"))
        except ValueError:
            raise UserError(f"--rates: {part!r} is not METHOD:RATE or METHOD:RATE+RATE") from None
        if not min(rates[name]) > 0:
            raise UserError(f"--rates: {part!r} has a rate that is not above 0")
    return rates
