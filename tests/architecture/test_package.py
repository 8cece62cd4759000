"""Does the package keep its own rules?"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ssr
from ssr.config.files import load_config
from ssr.config.schema import TrainConfig

ROOT = Path(ssr.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
CONFIGS = sorted((Path(__file__).parents[2] / "configs").rglob("*.yaml"))
NAMES = [path.relative_to(ROOT).as_posix() for path in MODULES]
every_module = pytest.mark.parametrize("path", MODULES, ids=NAMES)


@pytest.mark.parametrize("name", ssr.__all__)
def test_public_names_can_be_imported(name: str) -> None:
    assert getattr(ssr, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ssr.nothing


def test_there_are_configs() -> None:
    assert CONFIGS


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_configs_in_the_repository_are_valid(path: Path) -> None:
    _, notes = load_config(path, TrainConfig)
    assert notes == []


@every_module
def test_a_module_says_what_it_answers(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert said
    assert said.splitlines()[0].endswith(("?", ".", ")"))


@every_module
def test_no_module_is_a_drawer_for_odds_and_ends(path: Path) -> None:
    words = path.relative_to(ROOT).with_suffix("").parts
    assert not [word for word in words if re.fullmatch(r"utils?|help\w+|commons?|base|misc", word)]


@every_module
def test_torch_load_takes_tensors_only(path: Path) -> None:
    for call in (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)):
        if ast.unparse(call.func) == "torch.load":
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert keywords.get("weights_only") == "True"


@pytest.mark.parametrize(
    "module", ["ssr", "ssr.errors", "ssr.config.files", "ssr.cli.main", "ssr.sentinel2.radiometry"]
)
def test_light_modules_load_neither_torch_nor_rasterio(module: str) -> None:
    program = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "rasterio"} & set(done.stdout.split())
