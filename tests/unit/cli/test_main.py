"""Does `ssr` say what it can do, at once?"""

import subprocess
import sys
from collections.abc import Callable

import pytest
from typer.testing import Result

import ssr

COMMANDS = ("demo", "scene", "infer", "infer-grid", "train")


def test_help_lists_every_command(invoke: Callable[..., Result]) -> None:
    shown = invoke("--help")
    assert shown.exit_code == 0
    assert all(f"  {name} " in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(invoke: Callable[..., Result], command: str) -> None:
    shown = invoke(command, "--help")
    assert shown.exit_code == 0
    assert "--json" in shown.stdout


def test_version_is_the_package_s(invoke: Callable[..., Result]) -> None:
    assert invoke("--version").stdout == f"ssr {ssr.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["scene", "--help"], ["--version"]], ids=" ".join)
def test_help_and_version_load_neither_torch_nor_rasterio(arguments: list[str]) -> None:
    program = f"""
import sys
sys.argv = ["ssr", *{arguments}]
from ssr.cli.main import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert "ssr.cli.main" in loaded
    assert not {"torch", "rasterio", "numpy", "PIL"} & set(loaded)


def test_help_says_that_a_named_grid_is_of_the_input(invoke: Callable[..., Result]) -> None:
    told = " ".join(invoke("scene", "--help").stdout.replace("│", " ").split())
    assert "the input's pixels, before 4x" in told
