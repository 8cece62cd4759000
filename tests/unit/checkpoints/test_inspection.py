"""What a file holds, from its shapes alone; damaged archives are named."""

import hashlib
import zipfile
from pathlib import Path

import pytest
import torch

from ssr.checkpoints.files import write_safetensors
from ssr.checkpoints.inspection import Reading, inspect, read_whole, readings_of
from ssr.checkpoints.published import Recognised
from ssr.errors import WeightsError
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.models.highresnet import HighResNet
from ssr.models.sr3 import SR3
from ssr.models.srcnn import SRCNN
from tests.support.scenes import tiny_date_fusion, tiny_rrdbnet, write_weights


def esrgan(n_stacked: int, scale: int = 4) -> list[str]:
    return list(map(str, readings_of(Recognised("esrgan", {"scale": scale}, n_stacked))))


@pytest.mark.parametrize(
    ("n_stacked", "scale", "readings"),
    [
        (3, 4, ["1 date × 3 channels at scale 4"]),
        (24, 4, ["8 dates × 3 channels at scale 4", "2 dates × 3 channels at scale 2"]),
        (24, 8, ["8 dates × 3 channels at scale 8"]),
        (32, 4, ["8 dates × 4 channels at scale 4"]),
        (
            48,
            4,
            ["16 dates × 3 channels at scale 4", "4 dates × 3 channels at scale 2", "1 date × 3 channels at scale 1"],
        ),
        (
            72,
            4,
            ["8 dates × 9 channels at scale 4", "24 dates × 3 channels at scale 4", "6 dates × 3 channels at scale 2"],
        ),
        (
            96,
            4,
            [
                "8 dates × 12 channels at scale 4",
                "32 dates × 3 channels at scale 4",
                "8 dates × 3 channels at scale 2",
                "2 dates × 3 channels at scale 1",
            ],
        ),
        (7, 4, ["1 date × 7 channels at scale 4"]),
    ],
)
def test_every_reading_of_the_input_is_told(n_stacked: int, scale: int, readings: list[str]) -> None:
    assert esrgan(n_stacked, scale) == readings


def test_an_esrgan_tells_its_shape_and_size(tmp_path: Path) -> None:
    network = tiny_rrdbnet(n_revisits=5)
    path = write_weights(tmp_path / "net.pth", network)
    held = inspect(path)
    assert held.architecture == "esrgan"
    assert held.arguments == {"n_out_channels": 3, "n_features": 8, "n_blocks": 1, "n_growth": 4, "scale": 4}
    assert held.readings == (Reading(5, 3, 4),)
    assert held.n_parameters == sum(p.numel() for p in network.parameters())
    assert held.n_tensors == len(network.state_dict())
    assert held.size_bytes == path.stat().st_size
    assert held.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert held.dtypes == ("float32",)
    assert held.metadata == {}


@pytest.mark.parametrize(
    ("keys", "entries", "has_ema"),
    [
        (["params", "params_ema"], ("params_ema", "params"), True),
        (["params_ema"], ("params_ema",), True),
        (["params"], ("params",), False),
        ([], (), False),
    ],
)
def test_the_moving_average_is_told(tmp_path: Path, keys: list[str], entries: tuple[str, ...], has_ema: bool) -> None:
    state = tiny_rrdbnet().state_dict()
    torch.save(dict.fromkeys(keys, state) or state, tmp_path / "net.pth")
    held = inspect(tmp_path / "net.pth")
    assert (held.entries, held.has_ema) == (entries, has_ema)


def test_other_networks_tell_their_dates(tmp_path: Path) -> None:
    networks = {
        "srcnn": (SRCNN(n_revisits=5, n_features=16), (Reading(5, 3, 4),)),
        "highresnet": (HighResNet(n_features=16), (Reading(None, 3, 4),)),
        "date_fusion": (tiny_date_fusion(n_channels=4), (Reading(None, 4, 4),)),
    }
    for name, (network, readings) in networks.items():
        held = inspect(write_weights(tmp_path / "net.pth", network))
        assert (held.architecture, held.readings) == (name, readings)
        assert held.n_parameters == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("prefix", ["", "denoise_fn."])
def test_diffusion_files_tell_their_dates(tmp_path: Path, prefix: str) -> None:
    network = SR3(n_revisits=2, n_features=8, multipliers=(1, 2), n_res_blocks=1, attention_levels=(1,), n_groups=4)
    unet = {name: tensor for name, tensor in network.state_dict().items() if name.startswith("denoise_fn.")}
    state = {prefix + name.removeprefix("denoise_fn."): tensor for name, tensor in unet.items()}
    torch.save(state, tmp_path / "I1_E1_gen.pth")
    held = inspect(tmp_path / "I1_E1_gen.pth")
    assert (held.architecture, held.readings, held.entries) == ("sr3", (Reading(2, 3, 4),), ())
    assert held.arguments["multipliers"] == (1, 2)
    assert held.n_parameters == sum(tensor.numel() for tensor in unet.values())


@pytest.mark.parametrize(("judges_objects", "n_parameters"), [(False, 4_390_721), (True, 5_156_580)])
def test_discriminators_are_as_large_as_the_original_s(tmp_path: Path, judges_objects: bool, n_parameters: int) -> None:
    network = UNetDiscriminatorSN(n_channels=27, judges_objects=judges_objects)
    torch.save({"params": network.state_dict()}, tmp_path / "net_d.pth")
    held = inspect(tmp_path / "net_d.pth")
    assert held.architecture == "unet_sn"
    assert held.arguments["judges_objects"] == judges_objects
    assert (held.n_input_channels, held.readings, held.n_parameters) == (27, (), n_parameters)


def test_tensors_of_an_unknown_network_are_still_counted(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(3, 5), "b": torch.zeros(2, dtype=torch.bfloat16)}, tmp_path / "net.pth")
    held = inspect(tmp_path / "net.pth")
    assert (held.architecture, held.readings, held.n_parameters) == (None, (), 17)
    assert held.dtypes == ("bfloat16", "float32")


def test_safetensors_tell_their_metadata(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "net.safetensors", tiny_rrdbnet().state_dict(), metadata={"made of": "photographs"})
    assert inspect(tmp_path / "net.safetensors").metadata == {"made of": "photographs"}


def test_a_bit_that_fell_over_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"layer": torch.full((64, 64), 1.0)}, path)
    content = bytearray(path.read_bytes())
    content[content.index(torch.ones(8).numpy().tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"net\.pth: damaged: the bytes of .*data/0"):
        read_whole(path)


def test_an_archive_that_is_damaged_elsewhere_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"layer": torch.full((64, 64), 1.0)}, path)
    whole = path.read_bytes()
    for place in range(len(whole) - 200, len(whole) - 22, 7):  # its table of contents
        path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
        try:
            read_whole(path)
        except WeightsError as error:
            assert str(error).startswith(str(path))  # noqa: PT017 - some bytes of the table do not matter


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04" + bytes(99), b"<html></html>"])
def test_other_files_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"net\.pth"):
        inspect(tmp_path / "net.pth")


def test_an_archive_of_something_else_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.pth", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(WeightsError, match=r"net\.pth"):
        inspect(tmp_path / "net.pth")
