"""Installs c4pipe. Beam workers get this file by --setup_file: without extras, neither torch nor Beam comes along."""

import re
from pathlib import Path

from setuptools import find_namespace_packages, setup

HERE = Path(__file__).parent
# The one place of the version is c4pipe/__init__.py.
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "c4pipe/__init__.py").read_text())[1]

CORE = [
    "filelock>=3.32",
    "fsspec>=2024.6",
    "isal>=1.7",
    "langdetect==1.0.9",
    "msgspec>=0.19",
    "numpy>=1.26",
    "orjson>=3.10",
    "pyarrow>=16",
    "regex>=2024.5",
    "sentencepiece>=0.2",
    "tldextract>=5.1",
    "tomli>=2; python_version < '3.11'",
    "zstandard>=0.22",
]
REPORT = ["jinja2>=3.1", "matplotlib>=3.8"]
EXTRAS = {
    "beam": ["apache-beam>=2.65", "psutil>=5.9", "requests>=2.31", "tqdm>=4.66", "urllib3>=2.3", *REPORT],
    "train": ["torch>=2.6", "safetensors>=0.4", "tokenizers>=0.20", "tqdm>=4.66", *REPORT],
    "evaluate": ["sacrebleu>=2.4", "rouge-score>=0.1.2", "scikit-learn>=1.4", "scipy>=1.11"],
    "cloud": ["aiohttp>=3.9", "gcsfs>=2024.6", "s3fs>=2024.6"],
    "multilingual": ["cld3-py==3.1.0"],
    "hub": ["huggingface_hub>=0.36"],
    "docs": ["mkdocs-material>=9.5"],
}
EXTRAS["demo"] = [*EXTRAS["beam"], *EXTRAS["train"]]
EXTRAS["dev"] = [
    "apache-beam[gcp]>=2.65",
    "datasets>=3",
    "gcp-storage-emulator>=2024.8",
    "huggingface_hub>=0.36",
    "hypothesis>=6.100",
    "moto[server]>=5",
    "mypy>=1.10",
    "nltk==3.9.1",
    "pytest>=8",
    "pytest-xdist>=3.5",
    "ruff>=0.6",
    "scipy>=1.11",
    "tensorboard>=2.16",
    "transformers>=4.44",
    # For the tests of our kernels by its interpreter. Not pinned in constraints.txt: torch for GPUs pins its own.
    'triton>=3.2; sys_platform == "linux" and platform_machine == "x86_64"',
]

setup(
    name="c4pipe",
    version=VERSION,
    description="Makes C4 from Common Crawl and pre-trains T5 on it.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8") if (HERE / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_namespace_packages(include=["c4pipe*", "pipelines*", "model*"]),
    package_data={
        "c4pipe": [f"**/*.{kind}" for kind in ("html", "css", "js", "tab", "txt", "json.gz", "json", "toml")],
        "model": ["**/*.toml"],
    },
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["c4pipe = c4pipe.__main__:start"]},
)
