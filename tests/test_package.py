"""What is built of this checkout: what the wheel holds, and that it works in an environment of its own."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

import c4pipe
from c4pipe.commands import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGES = ("c4pipe", "pipelines", "model")
BUILD = """
import sys
from setuptools import build_meta
print(getattr(build_meta, sys.argv[1])(sys.argv[2]))
"""


def built(source: Path, what: str, output: Path) -> Path:
    """A wheel or sdist of a source tree, by the build backend that pyproject.toml names."""
    output.mkdir(exist_ok=True)
    made = subprocess.run(
        [sys.executable, "-c", BUILD, what, str(output)], cwd=source, capture_output=True, text=True, check=True
    )
    return output / made.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """The files that git knows or would take, as of a fresh clone: building leaves folders beside them."""
    folder = tmp_path_factory.mktemp("source")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    return built(source, "build_wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(source, tmp_path_factory) -> Path:
    return built(source, "build_sdist", tmp_path_factory.mktemp("sdist"))


def content(source: Path) -> set[str]:
    """All files of the three packages in the tree, data files too."""
    paths = [path for package in PACKAGES for path in (source / package).rglob("*")]
    return {path.relative_to(source).as_posix() for path in paths if path.is_file() and "__pycache__" not in path.parts}


def test_the_wheel_holds_the_three_packages_and_nothing_else(source, wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    ours = {name for name in names if ".dist-info/" not in name}
    assert ours == content(source) and "c4pipe/report/page.html" in ours
    assert {"LICENSE", "METADATA", "entry_points.txt"} <= {name.rsplit("/", 1)[-1] for name in names - ours}


def test_the_wheel_tells_its_version_its_extras_and_its_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        folder = f"c4pipe-{c4pipe.__version__}.dist-info"
        metadata = archive.read(f"{folder}/METADATA").decode()
        points = ConfigParser()
        points.read_string(archive.read(f"{folder}/entry_points.txt").decode())
    assert f"\nVersion: {c4pipe.__version__}\n" in metadata
    extras = set(re.findall(r"^Provides-Extra: (.+)$", metadata, re.MULTILINE))
    needed = {extra for command in COMMANDS.values() if command.extra for extra in command.extra.split(",")}
    assert needed | {"cloud", "multilingual"} <= extras
    assert dict(points["console_scripts"]) == {"c4pipe": "c4pipe.__main__:start"}


def test_the_sdist_makes_the_same_wheel(sdist, wheel, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert (unpacked / "CHANGELOG.md").exists() and (unpacked / "CITATION.cff").exists()
    again = built(unpacked, "build_wheel", tmp_path / "again")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {info.filename: info.CRC for info in one.infolist() if "RECORD" not in info.filename} == {
            info.filename: info.CRC for info in other.infolist() if "RECORD" not in info.filename
        }


def test_the_citation_and_the_changelog_name_the_version():
    assert f"\nversion: {c4pipe.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == c4pipe.__version__


@pytest.mark.slow
def test_the_wheel_works_in_an_environment_of_its_own(wheel, tmp_path):
    """Its dependencies are taken from this one: what is tested is what comes with the wheel."""
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    subprocess.run([python, *install], check=True)
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True
    ).stdout.strip()
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(site, "dependencies.pth").write_text("".join(f"{folder}\n" for folder in sorted(folders)))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*flags: str) -> str:
        command = [str(python.with_name("c4pipe")), *flags]
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    where = subprocess.run(
        [python, "-c", "import c4pipe; print(c4pipe.__file__)"], cwd=tmp_path, env=environment, stdout=-1, text=True
    )
    assert where.stdout.startswith(str(tmp_path))
    assert run("--version") == f"c4pipe {c4pipe.__version__}\n"
    assert "c4pipe.demo" in run("demo", "--dry_run")
    run("demo", "--output=demo", "--steps=2", "--batch_size=2", "--num_pieces=1000", "--crawl_bytes=300000")
    assert (tmp_path / "demo" / "run" / "run.html").exists()
