"""How does ONNX Runtime run a network?"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from ssr.checkpoints.onnx_export import export_series_network
from ssr.checkpoints.onnx_files import open_onnx
from ssr.errors import OutputError
from ssr.inference.engines.compiled import engines_folder, file_for, forget_old, mark_used, network_key
from ssr.inference.engines.graphs import NotAGraphError
from ssr.models.protocol import SuperResolver


class OnnxEngine:
    """Exports a network for each number of dates it meets, any size and batch, and keeps the file.

    ONNX Runtime has no 16-bit convolutions on the CPU: it computes in float32.

    Args:
        network: a module in float32 on the CPU.
        keeps: read and write exported files in the cache.
    """

    def __init__(self, network: SuperResolver, *, keeps: bool = True) -> None:
        assert isinstance(network, nn.Module)
        self.network = network.eval()
        self.key = network_key(network) if keeps else None
        self.runners: dict[int, Any] = {}

    def __call__(self, low_res: Tensor) -> Tensor:
        """One window after the other: a result then does not depend on how many come together."""
        runner = self._runner(low_res.shape[1])
        return torch.cat([runner(window) for window in low_res.float().split(1)])

    def prepare(self, n_dates: int) -> None:
        """Export before anything depends on it; the exporter compares its file with PyTorch.

        Raises:
            NotAGraphError: it cannot be exported, or the file gives other results.
        """
        self._runner(n_dates)

    def _runner(self, n_dates: int) -> Any:
        if n_dates not in self.runners:
            if self.key is None:
                with TemporaryDirectory() as folder:
                    self.runners[n_dates] = self._opened(Path(folder) / "network.onnx", n_dates)
            else:
                path = file_for(self.key, (n_dates,), torch.__version__, suffix=".onnx")
                self.runners[n_dates] = self._opened(path, n_dates)
        return self.runners[n_dates]

    def _opened(self, path: Path, n_dates: int) -> Any:
        if path.is_file():
            mark_used(path)
        else:
            self._export(path, n_dates)
            forget_old(engines_folder())
        return open_onnx(path)[0]

    def _export(self, path: Path, n_dates: int) -> None:
        try:
            export_series_network(
                self.network,
                path,
                n_revisits=n_dates,
                n_channels=self.network.n_channels,
                size_multiple=self.network.size_multiple,
                metadata={},
            )
        except OutputError as error:
            reason = str(error).removeprefix(f"{path}: ")
            raise NotAGraphError(f"ONNX: {reason}") from error
