"""Are weights shown in words and in JSON, and wrong arguments refused?"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import Result

from ssr.checkpoints.catalogue import CATALOGUE
from ssr.checkpoints.files import write_safetensors
from ssr.cli.output import progress_bar
from ssr.errors import ConfigError, WeightsError
from ssr.models.discriminators import UNetDiscriminatorSN
from tests.support.scenes import tiny_rrdbnet, write_weights

Invoke = Callable[..., Result]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no address of the user's."""
    monkeypatch.setenv("SSR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SSR_WEIGHTS_URL", raising=False)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """Something small that may be cached as `satlas_rrdbnet`."""
    return write_weights(tmp_path / "start.pth", tiny_rrdbnet())


def test_the_list_is_aligned_and_fits_a_terminal(invoke: Invoke) -> None:
    shown = invoke("weights", "list")
    assert shown.exit_code == 0
    head, *lines, note = shown.stdout.splitlines()
    assert head.split() == ["name", "dates", "bands", "parameters", "size", "where"]
    assert [line.split()[0] for line in lines] == ["compact-8", "compact-8-rgbn", *CATALOGUE]
    assert max(map(len, shown.stdout.splitlines())) <= 100
    column = head.index("where")
    assert {line[column:] for line in lines} == {"bundled", "can be downloaded", "local only"}
    assert note == "* has warnings: ssr weights info NAME"


def test_the_list_for_machines_holds_the_warnings(invoke: Invoke) -> None:
    listed = {weights["name"]: weights for weights in json.loads(invoke("weights", "list", "--json").stdout)}
    assert listed["esrgan_10m"]["n_parameters"] == 16_714_691
    assert "reshape" in listed["esrgan_10m"]["warnings"][0]
    assert listed["esrgan_8S2"]["bands"] == ["tci"]


def test_a_published_name_shows_what_it_needs_and_its_warnings(invoke: Invoke) -> None:
    shown = invoke("weights", "info", "esrgan_60m").stdout
    assert "needs         8 dates × 12 channels: tci, b01, b08, b09, b10, b05, b06, b07, b11, b12" in shown
    assert "architecture  esrgan, 16,751,555 parameters" in shown
    assert "warning       probably trained before the reshape fix" in shown
    assert shown.count("source        https://") == 2


def test_a_name_of_which_little_is_known_says_so(invoke: Invoke) -> None:
    shown = invoke("weights", "info", "satlas_rrdbnet").stdout
    assert "needs         dates and bands are stated nowhere\n" in shown
    assert "size          unknown" in shown


def test_a_file_shows_every_reading(invoke: Invoke, tmp_path: Path) -> None:
    network = tiny_rrdbnet(n_revisits=16)
    torch.save({"params": network.state_dict(), "params_ema": network.state_dict()}, tmp_path / "net.pth")
    shown = invoke("weights", "info", "net.pth").stdout
    assert "recognised    esrgan\n" in shown
    assert "n_features 8, n_blocks 1, n_growth 4, scale 4" in shown
    assert "input         16 dates × 3 channels at scale 4 (as this program reads it)\n" in shown
    assert "or            4 dates × 3 channels at scale 2: the same tensors\n" in shown
    assert "or            1 date × 3 channels at scale 1: the same tensors\n" in shown
    assert "entries       params_ema (the moving average, taken) and params\n" in shown
    assert f"{sum(p.numel() for p in network.parameters()):,} in " in shown
    assert " tensors of float32\n" in shown


def test_other_files_show_what_they_are(invoke: Invoke, tmp_path: Path) -> None:
    torch.save({"params": UNetDiscriminatorSN(n_channels=27, n_features=8).state_dict()}, tmp_path / "net_d.pth")
    shown = invoke("weights", "info", "net_d.pth").stdout
    assert "recognised    unet_sn" in shown
    assert "input         27 channels: the judged image" in shown
    assert "entries       params, no moving average\n" in shown
    write_safetensors(tmp_path / "net.safetensors", {"a": torch.zeros(3)}, metadata={"by": "me"})
    shown = invoke("weights", "info", "net.safetensors").stdout
    assert "recognised    no network known here" in shown
    assert "metadata      by: me" in shown
    assert "entries       a bare state dict" in shown


def test_a_file_for_machines_has_everything(invoke: Invoke, tmp_path: Path) -> None:
    write_weights(tmp_path / "net.pth", tiny_rrdbnet())
    told = json.loads(invoke("weights", "info", "net.pth", "--json").stdout)["file"]
    assert told["architecture"] == "esrgan"
    assert told["readings"] == [{"n_revisits": 2, "n_channels": 3, "scale": 4}]
    assert told["entries"] == ["params_ema"]


def test_getting_prints_path_and_hash_and_verifying_agrees(invoke: Invoke, start: Path, cache: Path) -> None:
    shown = invoke("weights", "get", "satlas_rrdbnet", "--url", start)
    assert shown.exit_code == 0, shown.exception
    lines = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines())
    assert lines["file"] == str(cache / "satlas_rrdbnet.pth")
    assert len(lines["sha256"]) == 64
    assert "a start for training" in shown.stderr
    again = json.loads(invoke("weights", "get", "satlas_rrdbnet", "--offline", "--json").stdout)
    assert [(got["was_cached"], got["sha256"]) for got in again] == [(True, lines["sha256"])]
    shown = invoke("weights", "verify")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("good  satlas_rrdbnet  as downloaded on ")
    shown = invoke("weights", "info", "satlas_rrdbnet").stdout
    assert "published     satlas_rrdbnet, cached" in shown
    assert "input         2 dates × 3 channels at scale 4\n" in shown


def test_a_bad_file_ends_verifying_with_an_error(invoke: Invoke, start: Path, cache: Path) -> None:
    assert invoke("weights", "verify").stdout == f"nothing is cached in {cache}\n"
    invoke("weights", "get", "satlas_rrdbnet", "--url", start)
    (cache / "satlas_rrdbnet.pth").write_bytes(b"changed")
    shown = invoke("weights", "verify", "--json")
    assert isinstance(shown.exception, WeightsError)
    assert str(shown.exception) == "1 of 1 not good: satlas_rrdbnet"
    assert [verdict["is_good"] for verdict in json.loads(shown.stdout)] == [False]
    assert invoke("weights", "verify").stdout.startswith("BAD   satlas_rrdbnet  ")


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (["info", "nothing"], WeightsError, "nothing: neither a weight file nor a known model"),
        (["get", "esgan_8S2"], WeightsError, "did you mean esrgan_8S2?"),
        (["get", "esrgan_8S2", "--offline"], WeightsError, "esrgan_8S2: not in the cache"),
        (["get", "esrgan_orig_6S2"], WeightsError, "no public link is known"),
        (["get", "esrgan_8S2", "--sha256", "1"], ConfigError, "--sha256"),
        (["get", "esrgan_8S2", "--url", "ftp://a.example/"], WeightsError, "expected an address of http or https"),
        (["verify", "nothing"], WeightsError, "neither a weight file"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    invoke: Invoke, arguments: list[str], error: type[Exception], told: str
) -> None:
    raised = invoke("weights", *arguments).exception
    assert isinstance(raised, error)
    assert told in str(raised)
    assert "\n" not in str(raised)


@pytest.mark.parametrize(("total", "told"), [(1_500_000, "0.5/1.5 MB"), (None, "500.0/? kB")])
def test_downloads_are_counted_in_megabytes_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, total: int | None, told: str
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar("downloading", quiet=False, in_bytes=True) as update:
        update(500_000, total)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "downloading" in plain
    assert told in plain


@pytest.mark.parametrize("command", ["list", "info", "get", "verify"])
def test_every_command_explains_itself(invoke: Invoke, command: str) -> None:
    shown = invoke("weights", command, "--help")
    assert shown.exit_code == 0
    assert "--json" in shown.stdout
