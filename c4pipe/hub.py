"""Models and data sets of the Hugging Face hub, by names such as google/t5-v1_1-base.

A local folder of that name always wins. The package `huggingface_hub` is needed only here, and only for names that are
no local paths. It knows the settings of the hub: HF_TOKEN, HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from c4pipe.errors import UserError
from c4pipe.outside import in_one_line

PREFIX = "hf:"
_MODEL = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_DATA_SET = re.compile(rf"[A-Za-z0-9][\w.-]*|{_MODEL.pattern}")
_SUFFIXES_OF_FILES = (".model", ".json", ".jsonl", ".safetensors", ".bin")
# Exceptions of packages with such names (also `httpx2`) mean that the hub could not be reached, or that it refused.
_PACKAGES = ("huggingface_hub", "httpx", "httpcore", "requests", "urllib3")


@dataclass(frozen=True)
class DataSet:
    """A data set of the hub. revision: its newest commit. configs: those of its card, with `config_name`."""

    name: str
    revision: str
    files: tuple[str, ...]
    configs: tuple[Mapping[str, Any], ...]

    def url(self, file: str) -> str:
        """The URL of a file for fsspec, always of this revision."""
        return f"hf://datasets/{self.name}@{self.revision}/{file}"


def is_model_name(path: str) -> bool:
    """Whether a path is OWNER/NAME of the hub and not something on this machine.

    >>> is_model_name("google/t5-v1_1-base"), is_model_name("runs/a@best"), is_model_name("vocabulary/spiece.model")
    (True, False, False)
    """
    return bool(_MODEL.fullmatch(path)) and not path.endswith(_SUFFIXES_OF_FILES) and not os.path.exists(path)


def model_folder(path: str, names: Sequence[str], weights: Sequence[Sequence[str]] = ()) -> str:
    """The local folder of a model of the hub, downloaded into Hugging Face's cache. Any other path stays as it is.

    names: globs of the files to download. weights: groups of globs; only the first group of which the model has a file
    is downloaded.
    Raises: UserError if the package is missing, if there is no such model, or if the hub cannot be reached.
    """
    if not is_model_name(path):
        return path
    hub = _package(path)
    with _explained(path, "model", f"hf download {path} --local-dir=DIR"):
        folder = hub.snapshot_download(path, allow_patterns=[*names, *(weights[0] if weights else ())])
        for group in weights[1:]:
            if any(any(Path(folder).glob(pattern)) for before in weights for pattern in before):
                break
            folder = hub.snapshot_download(path, allow_patterns=[*names, *group])
    return folder


def data_set(name: str) -> DataSet:
    """What the hub says about a data set. Raises: as `model_folder`."""
    if not _DATA_SET.fullmatch(name):
        raise UserError(
            f"{PREFIX}{name} is not a folder that `save_to_disk` wrote, and not a name of the Hugging Face hub such as "
            f"{PREFIX}allenai/c4"
        )
    hub = _package(f"{PREFIX}{name}")
    with _explained(name, "data set", f"hf download {name} --repo-type=dataset --local-dir=DIR"):
        info = hub.HfApi().dataset_info(name)
    names = tuple(file.rfilename for file in info.siblings or ())
    configs = info.card_data.get("configs") if info.card_data else None
    return DataSet(name, str(info.sha), names, tuple(configs or ()))


def push_model(folder: str, name: str) -> str:
    """Upload a folder as a model. A new model is private. Returns: its address.

    Raises: UserError if the package is missing, if the hub refuses, or if it cannot be reached.
    """
    hub = _package(name)
    with _explained(name, "model", f"hf upload {name} {folder}", is_upload=True):
        api = hub.HfApi()
        address = api.create_repo(name, private=True, exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, commit_message="Exported by c4pipe")
    return str(address)


def _package(name: str) -> ModuleType:
    try:
        import huggingface_hub
    except ImportError as error:
        raise UserError(
            f"{name} is not a folder here; names of the Hugging Face hub need the package huggingface_hub: "
            "pip install 'c4pipe[hub]'"
        ) from error
    return huggingface_hub


@contextmanager
def _explained(name: str, kind: str, by_hand: str, *, is_upload: bool = False) -> Iterator[None]:
    """Turn errors of the hub into one line. by_hand: a command for the same. is_upload: a local folder is sent."""
    begin = "" if is_upload else f"{name} is not a folder here, and "
    try:
        yield
    except Exception as error:
        kinds = [found.__name__ for found in type(error).__mro__]
        if "GatedRepoError" in kinds:
            raise UserError(
                f"{begin}the Hugging Face hub gives {name} only to users who agreed to its terms; do so on its page, "
                "then `hf auth login` or HF_TOKEN says who you are"
            ) from error
        if "RepositoryNotFoundError" in kinds or "HFValidationError" in kinds:
            raise UserError(
                f"{begin}the Hugging Face hub has no {kind} {name} that you may see; check the name, and log in by "
                "`hf auth login` or HF_TOKEN if it is private"
            ) from error
        if not isinstance(error, OSError) and not type(error).__module__.startswith(_PACKAGES):
            raise
        reason = in_one_line(type(error).__name__, str(error))
        raise UserError(
            f"{begin}the Hugging Face hub did not answer ({reason}); check the network. By hand, it is `{by_hand}`"
        ) from error
