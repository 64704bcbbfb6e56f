"""The architecture as a test: who may import whom, and where each dependency lives (docs/architecture.md)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Ground to top, for each half. A layer may import itself (its own package) and any layer below, never a sibling.
GROUND = [
    "c4pipe",
    "c4pipe.compression",
    "c4pipe.records",
    "c4pipe.errors",
    "c4pipe.choices",
    "c4pipe.machine",
    "c4pipe.plain_types",
    "c4pipe.checked_json",
    "c4pipe.command_line",
    "c4pipe.progress",
    "c4pipe.shown",
    "c4pipe.split_names",
    "c4pipe.toml_tables",
    "c4pipe.words",
    "c4pipe.commands",
    "c4pipe.completion",
    "c4pipe.__main__",
]
DATA_LAYERS = [
    GROUND,
    [
        "c4pipe.corpus",
        "c4pipe.vocabulary",
        "c4pipe.objectives",
        "c4pipe.tasks",
        "c4pipe.shards",
        "c4pipe.crawl",
        "c4pipe.near_duplicates",
        "c4pipe.contamination",
    ],
    ["c4pipe.folders"],
    ["c4pipe.report"],
    ["c4pipe.near_duplicates_run", "c4pipe.contamination_run"],
    ["c4pipe.corpus_run"],
    ["c4pipe.stages", "c4pipe.actions", "c4pipe.demo"],
    ["c4pipe.inspect_shard"],
    ["pipelines"],
]
MODEL_LAYERS = [
    [*GROUND, "c4pipe.shards", "c4pipe.vocabulary", "c4pipe.objectives", "c4pipe.tasks", "c4pipe.report"],
    ["c4pipe.folders"],
    ["model.architectures", "model.data"],
    ["model.checkpoints"],
    ["model.generation", "model.finetuning"],
    ["model.evaluation"],
    ["model.training"],
    ["model.experiments"],
    ["model.actions"],
    [
        "model.run_ranks",
        "model.pretrain",
        "model.finetune",
        "model.evaluate",
        "model.generate",
        "model.export",
        "model.search",
        "model.compare_methods",
    ],
]
# Packages that may import each other although they are on the same layer.
ALLOWED_SIBLINGS = {
    ("model.data", "model.architectures"),
    ("model.compare_methods", "model.finetune"),  # whose flags it has too
}
# One dependency, one home.
HOMES = {
    "apache_beam": ("c4pipe.stages", "pipelines"),
    "torch": ("model",),
    "langdetect": ("c4pipe.corpus",),
    "nltk": ("c4pipe.corpus",),
    "gcld3": ("c4pipe.corpus",),
    "tldextract": ("c4pipe.corpus",),
    "sentencepiece": ("c4pipe.vocabulary",),
    "pyarrow": ("c4pipe.shards",),
    "msgspec": ("c4pipe.checked_json", "c4pipe.corpus"),
    "psutil": ("pipelines",),
    "requests": ("c4pipe.crawl",),
    "matplotlib": ("c4pipe.report",),
    "jinja2": ("c4pipe.report",),
    "sacrebleu": ("c4pipe.tasks",),
    "safetensors": ("model.checkpoints",),
    "triton": ("model.architectures",),
    "huggingface_hub": ("c4pipe.hub",),
}


def modules() -> Iterator[tuple[str, Path]]:
    for top in ("c4pipe", "pipelines", "model"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function; `from a import b` gives a and a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(module: str, layers: list[list[str]]) -> tuple[int, str] | None:
    """(height, member) of the longest member of the layers that holds a module."""
    best = None
    for height, members in enumerate(layers):
        for member in members:
            if (module == member or module.startswith(member + ".")) and (best is None or len(member) > len(best[1])):
                best = (height, member)
    return best


def violations(layers: list[list[str]], tops: tuple[str, ...]) -> list[str]:
    found = []
    for module, path in modules():
        here = layer_of(module, layers)
        if here is None or not module.startswith(tops):
            continue
        for imported in imports(path):
            there = layer_of(imported, layers)
            if there is None or there[1] == "c4pipe" or there[1] == here[1]:
                continue
            is_sibling = there[0] == here[0] and there[0] > 0
            if there[0] > here[0] or (is_sibling and (here[1], there[1]) not in ALLOWED_SIBLINGS):
                found.append(f"{module} ({here[1]}) imports {imported} ({there[1]})")
    return sorted(set(found))


def test_every_module_has_a_layer():
    homeless = [
        module
        for module, _ in modules()
        if layer_of(module, DATA_LAYERS) is None and layer_of(module, MODEL_LAYERS) is None and module != "model"
    ]
    assert not homeless, f"give these a place in the layers: {homeless}"


def test_the_data_half_imports_downwards_only():
    assert violations(DATA_LAYERS, ("c4pipe", "pipelines")) == []


def test_the_model_half_imports_downwards_only():
    assert violations(MODEL_LAYERS, ("model",)) == []


def test_the_halves_meet_on_disk():
    for module, path in modules():
        for imported in imports(path):
            if module.startswith("model"):
                assert not imported.startswith(("pipelines", "c4pipe.corpus", "c4pipe.stages", "c4pipe.crawl")), module
            else:
                assert not imported.startswith(("model.", "torch")), module


def circles(imported_by: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other, by whatever way round."""
    reached: dict[str, set[str]] = {}
    for module in imported_by:
        seen, waiting = set(), [module]
        while waiting:
            for following in imported_by.get(waiting.pop(), set()) - seen:
                seen.add(following)
                waiting.append(following)
        reached[module] = seen
    groups = {frozenset(there for there in reached[here] if here in reached.get(there, ())) for here in reached}
    return sorted(sorted(group) for group in groups if group)


def test_no_files_import_each_other_in_a_circle():
    ours = {module for module, path in modules() if path.name != "__init__.py"}
    assert circles({module: set(imports(path)) & ours for module, path in modules()}) == []


def test_the_check_itself_finds_a_circle():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]


def test_each_dependency_has_one_home():
    found = []
    for module, path in modules():
        for imported in imports(path):
            home = HOMES.get(imported.split(".")[0])
            if home and not module.startswith(home):
                found.append(f"{module} imports {imported}, whose home is {', '.join(home)}")
    assert sorted(set(found)) == []


def test_package_files_have_only_a_docstring():
    for module, path in modules():
        if path.name == "__init__.py" and module != "c4pipe":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            assert len(body) == 1 and isinstance(body[0], ast.Expr), f"{path} holds code"


# All other installed packages are hidden from the import, as on a machine with only one half of the project.
IMPORT_ALONE = """
import importlib, sys
blocked = {blocked!r}
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {{name!r}} (hidden)", name=name)
sys.meta_path.insert(0, Blocker())
for module in {modules!r}:
    importlib.import_module(module)
"""


@pytest.mark.parametrize("half", ["core", "trainer"])
def test_a_machine_needs_only_its_own_half(half):
    ours = [module for module, _ in modules()]
    if half == "trainer":
        blocked = {
            *("apache_beam", "langdetect", "nltk", "orjson", "isal", "tldextract", "zstandard", "requests"),
            *("jinja2", "matplotlib", "sacrebleu", "rouge_score", "sklearn", "scipy", "transformers", "gcld3"),
            *("triton", "msgspec", "tokenizers", "psutil", "huggingface_hub"),
        }
        # Triton comes with torch for GPUs, and only there is its file imported.
        wanted = [m for m in ours if m.startswith("model") and m != "model.architectures.triton_attention"]
    else:
        blocked = {"apache_beam", "torch", "safetensors", "matplotlib", "jinja2", "requests", "gcld3", "sacrebleu"}
        # Beam itself is on a Beam worker, though the core does not bring it; the downloader runs on no worker.
        wanted = [m for m in ours if m.startswith("c4pipe.") and not m.startswith(("c4pipe.stages", "c4pipe.crawl"))]
    code = IMPORT_ALONE.format(blocked=blocked, modules=wanted)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr[-2000:]


def test_the_check_itself_finds_an_upward_import():
    upside_down = [DATA_LAYERS[0], *reversed(DATA_LAYERS[1:])]
    assert violations(upside_down, ("c4pipe", "pipelines"))
