"""Do the commands that README.md and the pages show work?

Every command is parsed: its sub-command, every option and every value that has a type. Then each page is followed from
top to bottom in a folder with small files of the names that the pages use (`tests/support/desk.py`); the option files
that a page shows are those that it runs. What cannot be run here stands in NOT_RUN with the reason, what would take
hours is made small in SMALLER, what a reader puts in stands in STANDS_FOR. A line of these tables that fits no command
is an error.
"""

import ast
import contextlib
import importlib
import io
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ssr.cli import published
from ssr.cli.main import app
from ssr.cli.output import run_reporting
from tests.support.desk import lay_out
from tests.support.documented import ROOT, Block, Command, blocks_of, commands_of, inline_commands_of, pages

NOT_RUN = {
    r"^(pip|pipx) ": "the package index; tests/integration/test_packaging.py builds and looks into the wheel",
    r"^python -m venv": "an environment without the package is of no use here",
    r"^ssr --install-completion": "writes to the reader's shell; test_packaging.py asks for the script itself",
    r"^make ": "sets up an environment; its recipes are other commands of this repository",
    r"^(docker|podman) ": "no container engine",
    r"--stac https:": "a catalogue on the internet; tests/integration/test_stac_sources.py has one of its own",
    r"^ssr data get ": "archives on the internet; tests/integration/test_data_commands.py has a server of its own",
    r"^ssr weights (get|verify)|--model esrgan_": "published weights on the internet; see test_weights_commands.py",
    r"--device cuda": "no CUDA device",
    r"--precision fp16": "half precision on a processor, four processes: minutes",
    r"^(taskset -c 1 )?python benchmarks/": "imagery that is not in the repository, minutes to hours",
    r"^ssr train configs/": "imagery that is not in the repository, hours",
    r"^ssr view (?!.*--html)": "serves until it is stopped; see tests/integration/test_view_command.py",
    r"^tensorboard ": "serves until it is stopped",
    r"^wandb sync": "a service on the internet",
}
"""What is parsed only."""

SMALLER = {
    r"^ssr train fine-tune.yaml": "--set training.n_steps=2 --set training.batch_size=2 --set n_validation_batches=1 "
    "--set training.validate_every=2 --set train_data.chip_px=12 --set validation_data.chip_px=12",
    r"ssr train train.yml": "--set training.n_steps=2 --set training.batch_size=2 --set n_validation_batches=1 "
    "--set model.n_features=16 --set model.n_residual_blocks=1",
    r"^ssr test (compared.yml|fine-tune-test.yaml)": "--set metrics.measures=[psnr,cpsnr] --set n_dates=[1,2]",
    r"^ssr scene (products|more|S2A)": "--max-dates 2",
    r"^ssr map plan": "--model bicubic --device 1e12",
}
"""What is added so that it takes seconds."""

STANDS_FOR = {
    r"^ssr infer FOLDER": "ssr infer chips",
    r"^ssr infer-grid FOLDER": "ssr infer-grid grids",
    # Takes a minute of a processor; tests/unit/checkpoints/test_onnx_files.py exports compact-8 with eight dates.
    r"^ssr weights convert compact-8 (.*--dates 8)": r"ssr weights convert net_g.pth \1",
    r"^ssr report results/NAME": "ssr report results/compared",
    r"^ssr view venice.tif my_dates/": "ssr view layers/venice.tif my_dates/",
    r"--area 1000,500,700,600": "--area 10,10,60,60",
    r"--nproc_per_node=4": "--nproc_per_node=2",
    r"--area 11.98,46.97,12.05,47.03": "--area map-area.geojson",
    r"(^ssr map plan .*)--input dates/": r"\1--input map-dates/",
}
"""What a reader puts in place of a name."""

ALTERNATIVES = {"README.md"}
"""Pages whose commands write to the same name because a reader takes one of them."""

PAGES = pages()
COMMANDS = [command for page in PAGES for command in commands_of(page)]
INLINE = [command for page in PAGES for command in inline_commands_of(page)]
PYTHON = [block for page in PAGES for block in blocks_of(page) if block.language == "python"]


def plain(command: Command) -> str:
    """The command without the folder of its environment."""
    return re.sub(r"^\S*bin/", "", command.text)


def why_not(command: Command) -> str | None:
    """The reason not to run it."""
    return next((reason for pattern, reason in NOT_RUN.items() if re.search(pattern, plain(command))), None)


# What every command must be: known.


def sub_command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that `ssr …` names, and the words left for it."""
    found, rest = typer.main.get_command(app), words
    while hasattr(found, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in found.commands, f"no sub-command {rest[0]!r} of {found.name}"
        found, rest = found.commands[rest[0]], rest[1:]
    return found, rest


def options_of(command: Any) -> set[str]:
    return {"--help"} | {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }


def check_ssr(words: list[str]) -> None:
    """Parse `ssr …` as the program does, without running it."""
    command, rest = sub_command(words[1:])
    if hasattr(command, "commands"):
        assert {word.split("=")[0] for word in rest} <= options_of(command)
    else:
        command.make_context(command.name, list(rest))


def check_published(words: list[str]) -> None:
    """`python -m ssr.…` names a module that is one, and options that its parser has."""
    module = words[words.index("-m") + 1]
    assert module in {"ssr.train", "ssr.test", "ssr.infer", "ssr.infer_grid"}
    source = (ROOT / "src" / "ssr" / "cli" / "published.py").read_text()
    for word in words[words.index("-m") + 2 :]:
        assert not word.startswith("-") or f'"{word.split("=")[0]}"' in source, word


def check_script(words: list[str]) -> None:
    """A script is there and knows every option."""
    source = (ROOT / words[0]).read_text()
    for word in words[1:]:
        assert not word.startswith("--") or f'"{word.split("=")[0]}"' in source, word


def check_pip(words: list[str]) -> None:
    """Extras that are asked for are ours."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words[1:]:
        for extra in re.findall(r"^(?:satlas-super-resolution|\.)\[(.+)\]$", word):
            assert set(extra.split(",")) <= set(extras), word


def check(command: Command) -> None:
    """Fail where a command names what is not there."""
    words = command.words
    match words[0]:
        case "ssr":
            check_ssr(words)
        case "pip" | "pipx":
            check_pip(words)
        case "make":
            assert all(re.search(rf"(?m)^{word}:", (ROOT / "Makefile").read_text()) for word in words[1:])
        case "taskset":
            check_script(words[4:])
        case "torchrun" if "--no-python" in words:
            check_ssr(words[words.index("ssr") :])
        case "torchrun" | "python" if "-m" in words:
            if words[words.index("-m") + 1] != "venv":
                check_published(words)
        case "python":
            check_script(words[1:])
        case "tensorboard" | "wandb" | "docker" | "podman":
            pass
        case program:
            pytest.fail(f"nothing is known of the program {program!r}")


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_is_one_that_the_program_knows(command: Command) -> None:
    check(command)


@pytest.mark.parametrize("command", INLINE, ids=str)
def test_every_command_named_in_a_sentence_has_the_options_it_names(command: Command) -> None:
    named, rest = sub_command(command.words[1:])
    assert {word.split("=")[0] for word in rest if word.startswith("-")} <= options_of(named)


@pytest.mark.parametrize("table", [NOT_RUN, SMALLER, STANDS_FOR], ids=["NOT_RUN", "SMALLER", "STANDS_FOR"])
def test_every_line_of_a_table_fits_a_command(table: dict[str, str]) -> None:
    unused = [pattern for pattern in table if not any(re.search(pattern, plain(command)) for command in COMMANDS)]
    spared = {r"^(docker|podman) "}  # the page of the container may come and go with its engine
    assert set(unused) <= spared


def test_most_commands_are_run() -> None:
    run = [command for command in COMMANDS if why_not(command) is None]
    assert len(run) >= 50


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: f"{block.page}:{block.line}")
def test_python_blocks_compile_and_import_what_is_there(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ssr":
            module = importlib.import_module(node.module)
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []


# What every command must do: end well.


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def exported() -> dict[tuple[str, ...], bytes]:
    """ONNX files by the words of the command that made them."""
    return {}


@pytest.fixture
def desk(laid_out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(laid_out, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.setenv("SSR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "desk"


def as_run(command: Command) -> list[str]:
    """The words that are run here."""
    text = plain(command)
    for pattern, instead in STANDS_FOR.items():
        text = re.sub(pattern, instead, text)
    more = [added for pattern, added in SMALLER.items() if re.search(pattern, text)]
    words = Command(command.page, command.line, " ".join([text.split("  #")[0], *more])).words
    return [found for word in words for found in (_globbed(word) if "*" in word else [word])]


def _globbed(word: str) -> list[str]:
    found = sorted(str(path) for path in Path().glob(word))
    assert found, f"nothing fits {word}"
    return found


def run_here(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Run in this process, as `main()` does: exit code, and what was said."""
    if words[0] == "torchrun":
        return _run_apart([str(Path(sys.executable).with_name("torchrun")), *words[1:]])
    call: Callable[[], object]
    if words[0] == "ssr":
        call = lambda: app(words[1:], prog_name="ssr")  # noqa: E731
    else:
        name = words[words.index("-m") + 1]
        call = getattr(published, name.removeprefix("ssr."))
        monkeypatch.setattr(sys, "argv", words[words.index("-m") + 1 :])
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), pytest.raises(SystemExit) as left:
        run_reporting(call)
    return int(left.value.code or 0), said.getvalue()


def _run_apart(words: list[str]) -> tuple[int, str]:
    scripts = str(Path(sys.executable).parent)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300, env=environment)
    return done.returncode, done.stdout + done.stderr


def steps_of(page: Path) -> Iterator[Block | Command]:
    """What a page has a reader run, in its order: commands, and Python where a comment says so."""
    blocks = [block for block in blocks_of(page) if block.is_run]
    runnable = [command for command in commands_of(page) if why_not(command) is None]
    yield from sorted([*blocks, *runnable], key=lambda step: step.line)


def out_of(words: list[str]) -> Path | None:
    """Where a command writes."""
    for option in ("-o", "--out"):
        if option in words:
            return Path(words[words.index(option) + 1])
    return None


WITH_STEPS = [page for page in PAGES if any(steps_of(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_STEPS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_can_be_followed_from_top_to_bottom(
    page: Path, desk: Path, exported: dict[tuple[str, ...], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for block in blocks_of(page):
        if block.file:
            (desk / block.file).write_text(block.text + "\n")
    for step in steps_of(page):
        if isinstance(step, Block):
            (desk / "block.py").write_text(step.text)
            runpy.run_path(str(desk / "block.py"))
            continue
        words = as_run(step)
        out = out_of(words)
        if page.name in ALTERNATIVES and out is not None and out.is_file():
            for file in desk.glob(f"{out.stem}.*"):
                file.unlink()
        if not is_done_already(words, exported):
            code, said = run_here(words, monkeypatch)
            assert code == 0, f"{step}\n{said}"
            assert out is None or out.exists(), f"{step}\nwrote nothing to {out}"
        keep(words, exported)


def is_done_already(words: list[str], exported: dict[tuple[str, ...], bytes]) -> bool:
    """Whether another page has had the same export, which takes longer than all else; its file is then put here."""
    out = out_of(words)
    if tuple(words) not in exported or out is None:
        return False
    out.write_bytes(exported[tuple(words)])
    return True


def keep(words: list[str], exported: dict[tuple[str, ...], bytes]) -> None:
    out = out_of(words)
    if out is not None and out.suffix == ".onnx":
        exported[tuple(words)] = out.read_bytes()
