"""All benchmarks, one after the other: `make bench`. Prints JSON."""

import json
import platform

import esrgan_speed
import memory
import models
import seams
import torch
import training_step


def main() -> None:
    report = {
        "machine": {"processor": platform.processor() or platform.machine(), "torch": torch.__version__},
        "esrgan_speed": esrgan_speed.main(),
        "models": models.main(),
        "seams": seams.main(),
        "training_step": training_step.main(),
        "memory": memory.main(),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
