"""How does PyTorch run a network on many windows: transfers, precision, and memory that runs out?"""

import torch
from torch import Tensor, nn

from ssr.device import Compute
from ssr.errors import InputError
from ssr.models.protocol import SuperResolver, super_resolve

FREE_SHARE = 0.8
"""Of a device's free memory that a batch may take."""


class TorchEngine:
    """A network on a device.

    Args:
        network: any SuperResolver; a module is moved to the device.
        name: what to call it in messages.

    Attributes:
        at_most: windows that go through together; None until memory has run out, then what passed.
    """

    def __init__(self, network: SuperResolver, compute: Compute, *, name: str = "the network") -> None:
        self.network = network
        self.compute = compute
        self.name = name
        self.at_most: int | None = None
        if isinstance(network, nn.Module):
            network.to(compute.device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def __call__(self, low_res: Tensor, origins: Tensor | None = None) -> Tensor:
        """`b t c h w` on the CPU to `b c H W` there, in float32.

        Where the memory of the device does not hold all windows, half of them are tried, and so on; later calls start
        with what passed.

        Raises:
            InputError: it does not hold one window.
        """
        size = min(self.at_most or len(low_res), len(low_res))
        while True:
            try:
                return self._in_parts(low_res, origins, size)
            except torch.OutOfMemoryError as error:
                if size == 1:
                    height, width = low_res.shape[-2:]
                    raise InputError(
                        f"{self.name}: the memory of {self.compute.device.type} does not hold one window of "
                        f"{height}×{width} px; pass a smaller --memory, or --device cpu"
                    ) from error
            size = self.at_most = size // 2  # outside of the handler, which would keep the failed tensors alive
            self._forget()

    def _in_parts(self, low_res: Tensor, origins: Tensor | None, size: int) -> Tensor:
        parts = [
            self._run(windows, None if origins is None else origins[k * size : (k + 1) * size])
            for k, windows in enumerate(self._moved(low_res, size))
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _moved(self, low_res: Tensor, size: int) -> "list[Tensor] | Transfers":
        parts = list(low_res.split(size))
        return (
            Transfers(parts, self.compute.device)
            if self.compute.device.type == "cuda"
            else [part.to(self.compute.device) for part in parts]
        )

    def _run(self, low_res: Tensor, origins: Tensor | None) -> Tensor:
        with self.compute.autocast():
            return super_resolve(self.network, low_res, origins).float().cpu()

    def _forget(self) -> None:
        if self.compute.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.compute.device.type == "mps":
            torch.mps.empty_cache()


class Transfers:
    """Windows on a CUDA device, the next on its way from pinned memory while one is computed."""

    def __init__(self, parts: list[Tensor], device: torch.device) -> None:
        self.parts = parts
        self.device = device

    def __iter__(self) -> "Transfers._Iterator":
        return Transfers._Iterator(self.parts, self.device)

    class _Iterator:
        def __init__(self, parts: list[Tensor], device: torch.device) -> None:
            self.waiting = iter(parts)
            self.stream = torch.cuda.Stream(device)
            self.device = device
            self.next = self._start()

        def __iter__(self) -> "Transfers._Iterator":
            return self

        def __next__(self) -> Tensor:
            if self.next is None:
                raise StopIteration
            torch.cuda.current_stream(self.device).wait_stream(self.stream)
            current = self.next
            current.record_stream(torch.cuda.current_stream(self.device))
            self.next = self._start()
            return current

        def _start(self) -> Tensor | None:
            part = next(self.waiting, None)
            if part is None:
                return None
            with torch.cuda.stream(self.stream):
                return part.pin_memory().to(self.device, non_blocking=True)
