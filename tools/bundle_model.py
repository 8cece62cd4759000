"""Turn a training checkpoint into a bundled model: `python tools/bundle_model.py NET_G.pth NAME`."""

import sys
from pathlib import Path

from ssr import __version__
from ssr.build.networks import model_of
from ssr.checkpoints.bundled import FOLDER
from ssr.checkpoints.files import read_weights, sha256_of, write_safetensors


def main(source: Path, name: str) -> None:
    state = read_weights(source, key="params_ema")
    model = model_of(state, source=source)
    target = FOLDER / f"{name}.safetensors"
    write_safetensors(target, state, metadata={"model": model.model_dump_json(), "ssr": __version__})
    print(f"{target}: {target.stat().st_size} bytes, sha256 {sha256_of(target)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
