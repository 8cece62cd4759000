"""How does OpenVINO run a network?"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ssr.atomic import whole_file
from ssr.device import Compute, processor_name
from ssr.errors import OutputError
from ssr.inference.engines.compiled import engines_folder, file_for, forget_old, mark_used, network_key
from ssr.inference.engines.graphs import check_graph, openvino_graph, precision_hint
from ssr.models.protocol import SuperResolver

PIXELS_TOGETHER = 64 * 64
"""Small windows share a request up to so many pixels; large ones have one each."""


class OpenVinoRunner:
    """Compiles a network for each shape of window it meets, and keeps what it compiled on disk.

    Every core works on a request of its own: two cores with a window each are a quarter faster than two that share
    one, since neither waits for the other after each of hundreds of layers.

    Args:
        network: a module in float32 on the CPU.
        keeps: read and write compiled graphs in the cache.
    """

    def __init__(self, network: SuperResolver, compute: Compute, *, keeps: bool = True) -> None:
        assert isinstance(network, nn.Module)
        self.network = network.eval()
        self.compute = compute
        self.n_streams = torch.get_num_threads()
        self.key = network_key(network) if keeps else None
        self.queues: dict[tuple[int, ...], Any] = {}

    def __call__(self, low_res: Tensor) -> Tensor:
        """Results do not depend on how many windows come together: each request holds a fixed number, the last is
        filled up with zeros.
        """
        n, *rest = low_res.shape
        together = max(1, min(n, PIXELS_TOGETHER // (rest[-1] * rest[-2])))
        queue = self._queue((together, *rest))
        results: list[np.ndarray] = [np.empty(0)] * -(-n // together)

        def keep(request: Any, k: int) -> None:
            results[k] = request.get_output_tensor(0).data.copy()

        queue.set_callback(keep)
        windows = np.ascontiguousarray(low_res.float().numpy())
        for k in range(len(results)):
            given = windows[k * together : (k + 1) * together]
            if len(given) < together:
                given = np.concatenate([given, np.zeros((together - len(given), *rest), np.float32)])
            queue.start_async([given], k)
        queue.wait_all()
        return torch.from_numpy(np.concatenate(results)[:n])

    def prepare(self) -> None:
        """Make sure that the graph is the network, unless one that was found so is kept.

        Raises:
            NotAGraphError: it is not, or there is none.
        """
        if self.key is None:
            check_graph(self.network, self._small)
            return
        checked = file_for(self.key, (), version("openvino"), suffix=".checked")
        if checked.is_file():
            mark_used(checked)
            return
        check_graph(self.network, self._small)
        _write(checked, b"")

    def _small(self, shape: Sequence[int]) -> Callable[[Tensor], Tensor]:
        graph = openvino_graph(self.network, shape)
        compiled = _core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return lambda low_res: torch.from_numpy(compiled([low_res.numpy()])[0])

    def _queue(self, shape: tuple[int, ...]) -> Any:
        if shape not in self.queues:
            import openvino

            self.queues[shape] = openvino.AsyncInferQueue(self._compiled(shape), self.n_streams)
        return self.queues[shape]

    def _compiled(self, shape: tuple[int, ...]) -> Any:
        """Compiled anew, or as it was kept; one that cannot be read is made again."""
        is_16_bit = self.compute.precision == "bf16"
        settings = {
            "INFERENCE_PRECISION_HINT": precision_hint(self.network, is_16_bit=is_16_bit),
            "NUM_STREAMS": self.n_streams,
            "INFERENCE_NUM_THREADS": self.n_streams,
        }
        path = None
        if self.key:
            made_for = (self.compute.precision, version("openvino"), processor_name())
            path = file_for(self.key, shape, settings, *made_for, suffix=".blob")
            kept = _kept(path, settings)
            if kept is not None:
                return kept
        graph = openvino_graph(self.network, shape, is_16_bit=is_16_bit)
        compiled = _core().compile_model(graph, "CPU", settings)
        if path:
            _write(path, compiled.export_model())
        return compiled


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


def _kept(path: Path, settings: dict[str, Any]) -> Any:
    if not path.is_file():
        return None
    try:
        compiled = _core().import_model(path.read_bytes(), "CPU", settings)
    except RuntimeError:  # cut off, or of another build of OpenVINO
        return None
    mark_used(path)
    return compiled


def _write(path: Path, content: bytes | Any) -> None:
    """A cache that cannot be written costs time, not results."""
    try:
        with whole_file(path) as part:
            part.write_bytes(content.getvalue() if hasattr(content, "getvalue") else content)
        forget_old(engines_folder())
    except OutputError:
        return
