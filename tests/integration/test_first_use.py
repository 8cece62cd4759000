"""What does a newcomer read when weights, network, extras, a graphics card or the right file are lacking?

Commands run with the core dependencies alone, without a network (`tests/support/core_only.py`).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.integration.conftest import files_below
from tests.support.core_only import Newcomer, Said, hidden_modules
from tests.support.scenes import textured, write_series, write_tiff, write_yaml
from tests.support.sentinel2 import write_safe, zipped

Ask = Callable[..., Said]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    with Newcomer(tmp_path_factory.mktemp("cache")) as process:
        yield process


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_series(tmp_path / "dates", textured(2, 12, 14))
    return tmp_path


@pytest.fixture
def ask(newcomer: Newcomer, home: Path) -> Ask:
    """`ssr …` in a folder that holds nothing but a series."""
    return lambda *words: newcomer.run(home, *words)


def assert_one_sentence(said: Said, *told: str) -> None:
    """Exit code 2, and one line that begins with `error:` and has these parts; nothing of Python's own."""
    assert said.code == 2, said
    *before, last = said.err.splitlines()
    assert last.startswith("error: ")
    assert "Traceback" not in said.err
    assert all(line.startswith(("note: ", "part ")) for line in before), before
    missing = [part for part in told if part not in last]
    assert not missing, last


def test_the_core_is_what_it_should_be() -> None:
    hidden = hidden_modules()
    assert {"spyndex", "pyarrow", "onnx", "diffusers", "zarr", "matplotlib", "pytest"} <= hidden
    assert not hidden & {"torch", "numpy", "rasterio", "typer", "jinja2", "ssr", "yaml", "PIL", "pystac"}


def test_the_demo_runs_with_the_core_and_says_what_it_leaves_out(ask: Ask, home: Path) -> None:
    done = ask("demo")
    assert done.code == 0, done.err
    assert done.err.startswith("note: the real image of the demo needs the package 'spyndex', which is not installed")
    assert "pip install 'satlas-super-resolution[demo]'; it is left out" in done.err
    assert "simulated_8_dates/comparison.png" in done.out
    assert "demo/simulated_8_dates/super_resolved.tif" in files_below(home)


EXTRAS = {
    "ONNX out": ("export", ["weights", "convert", "compact-8", "-o", "m.onnx", "--dates", "2"]),
    "a Zarr store": ("cubes", ["scene", "dates", "-o", "out.zarr"]),
    "a cube": ("cubes", ["scene", "cube.nc", "-o", "out.tif"]),
    "a catalogue": (
        "sentinel",
        ["scene", "--stac", "https://x.example", "--collection", "a", "--aoi", "1,2,3,4", "-o", "o.tif"],
    ),
    "the viewer": ("view", ["view", "dates"]),
    "all land": (
        "map",
        ["map", "plan", "-o", "p", "--area", "land", "--source", "none", "--model", "bicubic", "--device", "1e12"],
    ),
    "a map": (
        "map",
        [
            "map",
            "plan",
            "-o",
            "p",
            "--area",
            "5,46,5.1,46.1",
            "--source",
            "none",
            "--model",
            "bicubic",
            "--device",
            "1e12",
        ],
    ),
    "another engine": ("export", ["scene", "dates", "-o", "out.tif", "--engine", "openvino"]),
    "SR3": ("diffusion", ["train", "sr3.yml"]),
    "TensorBoard": ("logging", ["train", "board.yml"]),
    "tables of a test": ("metrics", ["test", "test.yml"]),
}


@pytest.mark.parametrize(("extra", "arguments"), EXTRAS.values(), ids=EXTRAS)
def test_a_missing_extra_is_named_before_any_work(extra: str, arguments: list[str], ask: Ask, home: Path) -> None:
    (home / "cube.nc").write_bytes(b"CDF\x01" + bytes(60))
    (home / "imagery").mkdir()
    write_option_files(home)
    before = files_below(home)
    done = ask(*arguments)
    assert_one_sentence(done, "needs the package", f"run: pip install 'satlas-super-resolution[{extra}]'")
    assert files_below(home) == before


def write_option_files(home: Path) -> None:
    data = {
        "type": "simulated",
        "imagery": [{"folder": "imagery", "include": ["*.tif"]}],
        "n_revisits": [2],
        "chip_px": 8,
    }
    write_tiff(home / "imagery" / "a.tif", textured(1, 80, 90)[0])
    run = {"train_data": data, "training": {"n_steps": 1, "batch_size": 1}}
    write_yaml(home / "sr3.yml", {"name": "sr3", "model": {"type": "sr3", "n_revisits": 2}, **run})
    board = {"n_steps": 1, "batch_size": 1, "logging": {"tensorboard": True}}
    model = {"type": "srcnn", "n_revisits": 2, "n_features": 16, "n_residual_blocks": 1}
    write_yaml(home / "board.yml", {"name": "board", "model": model, **run, "training": board})
    tiles = {"type": "simulated_tiles", "imagery": [{"folder": "imagery", "include": ["*.tif"]}], "chip_px": 8}
    test = {"name": "test", "models": [{"name": "bicubic", "model": "bicubic"}], "data": {"tiles": tiles}}
    write_yaml(home / "test.yml", test | {"metrics": {"measures": ["psnr"]}})


def test_weights_that_are_not_here_offline(ask: Ask, home: Path) -> None:
    done = ask("scene", "dates", "-o", "out.tif", "--model", "esrgan_8S2", "--offline")
    assert_one_sentence(
        done, "esrgan_8S2: not in the cache", "nothing is fetched offline", "use a local file by its path"
    )


def test_weights_without_a_network(ask: Ask, home: Path) -> None:
    done = ask("scene", "dates", "-o", "out.tif", "--model", "esrgan_8S2")
    assert_one_sentence(
        done, "esrgan_8S2.pth: not obtained", "cannot be reached", "--url or SSR_WEIGHTS_URL", "local file by its path"
    )
    assert not (home / "out.tif").exists()


def test_data_without_a_network(ask: Ask, home: Path) -> None:
    done = ask("data", "get", "small_val_set", "-o", "data")
    assert_one_sentence(done, "small_val_set: not obtained", "cannot be reached", "a local path with --url")


def test_an_image_on_the_web_without_a_network(ask: Ask, home: Path) -> None:
    done = ask("scene", "https://images.example/a.tif", "-o", "out.tif")
    assert_one_sentence(done, "https://images.example/a.tif", "try again later, or download the file and give its path")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", ["is empty (0 bytes)", "get it again"]),
        (b"words", ["cannot be opened as an image", "expected a GeoTIFF, JPEG 2000, PNG"]),
    ],
    ids=["empty", "no image"],
)
@pytest.mark.parametrize("name", ["a.tif", "a.txt"])
def test_a_file_that_is_no_image(content: bytes, told: list[str], name: str, ask: Ask, home: Path) -> None:
    (home / name).write_bytes(content)
    assert_one_sentence(ask("scene", name, "-o", "out.tif"), f"{name}: ", *told)


def test_a_download_that_broke_off(ask: Ask, home: Path) -> None:
    whole = zipped(write_safe(home, bands=("B02", "B03", "B04")))
    whole.write_bytes(whole.read_bytes()[:500])
    assert_one_sentence(ask("scene", whole.name, "-o", "out.tif"), whole.name, "download it again")


def test_a_result_of_another_kind(ask: Ask, home: Path) -> None:
    done = ask("scene", "dates", "-o", "out.png")
    assert_one_sentence(done, "out.png", "GeoTIFF or a Zarr store", "expected a name in .tif or .zarr")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("esrgan_8S3", ["neither a weight file nor a known model", "did you mean esrgan_8S2?"]),
        ("mine.onnx", ["neither a weight file nor a known model", "Bundled: compact-8"]),
        ("junk.pth", ["not readable as weights", "expected a whole .pth or .safetensors file"]),
        ("code.pth", ["refused, it holds more than tensors", "save the network's state_dict alone"]),
    ],
)
def test_a_model_that_is_none(name: str, told: list[str], ask: Ask, home: Path) -> None:
    (home / "junk.pth").write_bytes(b"junk" * 100)
    torch.save({"network": print}, home / "code.pth")
    assert_one_sentence(ask("scene", "dates", "-o", "out.tif", "--model", name), f"{name}: ", *told)


def test_no_graphics_card(ask: Ask, home: Path) -> None:
    done = ask("scene", "dates", "-o", "out.tif", "--device", "cuda")
    assert_one_sentence(done, "'cuda' was asked for, but torch finds no CUDA device", "use --device cpu")
    assert ask("scene", "dates", "-o", "out.tif").code == 0, "by default it takes what is there"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("name: x\nmodell: srcnn\ntraining: {}\n", "unknown option 'modell'; did you mean 'model'?"),
        ("name: x\nmodel: {type: srcnn}\ntraining: {n_steps: 1}\n", "required, but not given"),
        ("name: [x\n", "not valid YAML"),
    ],
    ids=["misspelt", "missing", "no YAML"],
)
def test_an_option_file_with_a_slip(options: str, told: str, ask: Ask, home: Path) -> None:
    (home / "mine.yml").write_text(options)
    assert_one_sentence(ask("train", "mine.yml"), "mine.yml: ", told)


def test_a_folder_of_chips_that_is_not_there(ask: Ask, home: Path) -> None:
    assert_one_sentence(ask("infer", "nowhere"), "nowhere: no such folder of chips, and no option file")


def test_a_misspelt_command_is_told_the_nearest(ask: Ask, home: Path) -> None:
    done = ask("scen", "dates")
    assert (done.code, "Did you mean 'scene'?" in done.err) == (2, True)
