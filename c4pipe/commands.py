"""All commands by name: the module, the summary, and the extra of each."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Command:
    """A command.

    module: has `main(argv)`, and `parser()` unless another program parses its flags. extra: the extra to `pip install`.
    """

    module: str
    summary: str
    extra: str | None = None

    def main(self) -> Callable[[list[str] | None], int | None]:
        """The function that runs the command with a list of arguments."""
        return import_module(self.module).main

    def parser(self) -> Any:
        """The parser of its flags; None if another program parses them."""
        make = getattr(import_module(self.module), "parser", None)
        return make() if make is not None else None


COMMANDS: dict[str, Command] = {
    "demo": Command("c4pipe.demo.__main__", "the whole chain on this machine, in some minutes", "demo"),
    "crawl_to_wet": Command("pipelines.crawl_to_wet", "download WET files of Common Crawl", "beam"),
    "wet_to_c4": Command("pipelines.wet_to_c4", "make C4 from WET files", "beam"),
    "drop_near_duplicates": Command("pipelines.drop_near_duplicates", "drop near-duplicates from text shards", "beam"),
    "find_contamination": Command("pipelines.find_contamination", "find evaluation examples in a corpus", "beam"),
    "find_url": Command("pipelines.find_url", "find the rows and examples of a URL", "beam"),
    "verify_release": Command("pipelines.verify_release", "check a released C4 against its WET files", "beam"),
    "c4_to_vocabulary": Command("pipelines.c4_to_vocabulary", "train a vocabulary on text", "beam"),
    "c4_to_examples": Command("pipelines.c4_to_examples", "make pre-training examples from text", "beam"),
    "tasks_to_examples": Command("pipelines.tasks_to_examples", "make fine-tuning examples from tasks", "beam"),
    "inspect_shard": Command("c4pipe.inspect_shard", "look into a shard"),
    "pretrain": Command("model.pretrain", "pre-train T5 on example shards", "train"),
    "finetune": Command("model.finetune", "fine-tune a model on tasks", "train"),
    "evaluate": Command("model.evaluate", "score a model on tasks", "train,evaluate"),
    "search": Command("model.search", "run a table of the T5 paper", "train,evaluate"),
    "compare_methods": Command("model.compare_methods", "compare methods of fine-tuning", "train,evaluate"),
    "generate": Command("model.generate", "generate text with a model", "train"),
    "export": Command("model.export", "write a model as a Hugging Face folder", "train"),
    "run_ranks": Command("model.run_ranks", "start a command in several processes, as torchrun does", "train"),
}
