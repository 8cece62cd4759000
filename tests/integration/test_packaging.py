"""Is what gets installed whole: files, extras, commands, completion, and what the repository says of itself?"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import ssr
from tests.integration.conftest import SSR

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SOURCES = sorted((ROOT / "src" / "ssr").rglob("*.py"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel and source distribution, the wheel built of the source distribution, as `python -m build` does."""
    pytest.importorskip("hatchling", reason="the build backend is not installed, and isolation needs the index")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.name == f"satlas_super_resolution-{ssr.__version__}-py3-none-any.whl"
    files = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "ssr").rglob("*") if path.is_file()}
    expected = {name for name in files if "__pycache__" not in name}
    assert {name for name in members(wheel) if ".dist-info/" not in name} == expected
    assert {"ssr/py.typed", "ssr/checkpoints/bundled_weights/compact-8.safetensors"} <= expected
    assert wheel.stat().st_size < 20e6


def test_the_wheel_says_command_licence_and_extras(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        (folder,) = {name.split("/")[0] for name in opened.namelist() if ".dist-info/" in name}
        told = opened.read(f"{folder}/METADATA").decode()
        entries = opened.read(f"{folder}/entry_points.txt").decode()
    assert "ssr = ssr.cli.main:main" in entries
    assert f"{folder}/licenses/LICENSE" in members(wheel)
    assert set(re.findall(r"(?m)^Provides-Extra: (.+)$", told)) == {
        name.replace("_", "-") for name in PROJECT["optional-dependencies"]
    }


def test_the_source_distribution_has_what_the_wheel_is_built_of(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "src/ssr/py.typed"} <= names


def missing_extras() -> list[tuple[str, str | None, str]]:
    """Every `MissingExtraError(package, extra, …)` of the source: where, package where it is written out, extra."""
    found = []
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "MissingExtraError":
                package, extra = (_constant(argument, constants) for argument in node.args[:2])
                assert extra is not None, f"{path}:{node.lineno}"
                found.append((f"{path.relative_to(ROOT)}:{node.lineno}", package, extra))
    return found


def _constant(node: ast.expr, constants: dict[str, Any]) -> str | None:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.BoolOp):  # the module that was lacking, or the package
        return _constant(node.values[-1], constants)
    return constants.get(node.id) if isinstance(node, ast.Name) else None


@pytest.mark.parametrize(("where", "package", "extra"), missing_extras(), ids=lambda value: str(value))
def test_an_extra_that_a_message_names_exists_and_brings_the_package(
    where: str, package: str | None, extra: str
) -> None:
    wanted = PROJECT["optional-dependencies"][extra]
    brought = {re.split(r"[\[<>=! ]", requirement)[0].lower() for requirement in wanted}
    assert package is None or package.lower() in brought, f"{where}: {package} is not in [{extra}]: {sorted(brought)}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_has_a_script_for_each_shell(shell: str) -> None:
    # Otherwise the shell is that of the parent process, which need not be one where tests run.
    environment = os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        [SSR, "--show-completion", shell], capture_output=True, text=True, check=True, env=environment
    )
    assert "_SSR_COMPLETE" in done.stdout
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=done.stdout, text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ssr sc", ["scene"]),
        ("ssr weights ", ["list", "info", "get", "verify", "convert"]),
        ("ssr scene --expl", ["--explain"]),
        ("ssr scene --clouds s", ["scl", "s2cloudless"]),
    ],
)
def test_bash_completes_commands_options_and_values(words: str, expected: list[str]) -> None:
    asked = {"_SSR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run([SSR], capture_output=True, text=True, check=False, env=os.environ | asked)
    assert done.stdout.split() == expected, done.stderr


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_after_installing_the_tab_key_completes_in_bash(tmp_path: Path) -> None:
    environment = os.environ | {
        "HOME": str(tmp_path),
        "INPUTRC": os.devnull,
        "PATH": f"{SSR.parent}{os.pathsep}{os.environ['PATH']}",
        "TERM": "dumb",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    subprocess.run([SSR, "--install-completion", "bash"], capture_output=True, check=True, env=environment)
    # A session of its own: an interactive shell would otherwise take the terminal that runs the tests.
    typed = subprocess.run(
        ["bash", "-i"],
        input="ssr sc\t--help\n",
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        start_new_session=True,
        timeout=120,
    )
    assert "Usage: ssr scene [OPTIONS]" in typed.stdout, typed.stdout + typed.stderr


def test_citation_names_this_version_and_licence() -> None:
    told = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(told)
    assert (told["version"], told["license"]) == (ssr.__version__, PROJECT["license"])
    assert all({"family-names", "given-names"} <= set(author) for author in told["references"][0]["authors"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_jobs_whose_steps_do_one_thing_and_little_rights(path: Path) -> None:
    told = yaml.safe_load(path.read_text("utf-8"))
    assert set(told) <= {"name", True, "permissions", "concurrency", "env", "jobs"}  # YAML reads `on` as true
    assert told["permissions"] == {"contents": "read"}
    for name, job in told["jobs"].items():
        assert job["timeout-minutes"] <= 60, name
        assert set(job.get("needs", "").split()) <= set(told["jobs"])
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step), step
            assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+)", step["uses"]), step


def test_make_targets_that_workflows_call_exist() -> None:
    targets = set(re.findall(r"(?m)^([\w-]+):", (ROOT / "Makefile").read_text("utf-8")))
    called = {
        target
        for path in WORKFLOWS
        for target in re.findall(r"(?m)run: make (?:PYTHON=.*\}\} )?(\S+)$", path.read_text("utf-8"))
    }
    assert called
    assert called <= targets


def test_every_page_of_the_container_file_is_copied_from_what_is_there() -> None:
    text = (ROOT / "Containerfile").read_text("utf-8")
    copied = [word for line in re.findall(r"(?m)^COPY (?!--)(.+) \S+$", text) for word in line.split()]
    assert copied
    assert all((ROOT / word).exists() for word in copied)
    extras = re.search(r"ARG EXTRAS=(\S+)", text)
    assert extras
    assert set(extras[1].split(",")) <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize(
    "tool", [["actionlint", *map(str, WORKFLOWS)], ["hadolint", str(ROOT / "Containerfile")]], ids=lambda tool: tool[0]
)
def test_linters_find_nothing_where_they_are_installed(tool: list[str]) -> None:
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} is not installed")
    done = subprocess.run(tool, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
