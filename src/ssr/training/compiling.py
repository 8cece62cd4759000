"""How does a network run as compiled code, and can that work here?

The call is compiled, not the network: its parameters keep their names and its checkpoints those of every other run.
"""

import torch
from torch import nn

from ssr.atomic import one_line
from ssr.errors import ConfigError
from ssr.models.esrgan import RRDBNet
from ssr.models.sr3 import SR3


def check_compiler(device: torch.device) -> None:
    """Compile a sum and run it.

    Raises:
        ConfigError: that does not work, mostly for want of a C++ compiler or, on CUDA, of Triton.
    """
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(8, device=device))
    except (RuntimeError, ImportError, OSError) as error:
        raise ConfigError(
            f"training.compiles: torch.compile does not work here ({one_line(error)}); "
            "install a C++ compiler (g++, on CUDA also triton), or set training.compiles: false"
        ) from error


def compile_calls(network: nn.Module) -> None:
    """From now on the network's calls run as compiled code; the first of each shape takes long.

    Of an ESRGAN its residual blocks: they are alike, so one compilation serves them all.
    """
    match network:
        case RRDBNet():
            for block in network.body:
                block.compile()
        case SR3():
            network.denoise_fn.compile()
        case _:
            network.compile()
