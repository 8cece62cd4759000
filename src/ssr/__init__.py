"""Multi-date Sentinel-2 super-resolution: a time series at 10 m in, one image four times sharper out."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "SSRError": "ssr.errors",
    "SuperResolver": "ssr.models.protocol",
    "TrainConfig": "ssr.config.schema",
    "InferConfig": "ssr.config.schema",
    "TestConfig": "ssr.config.schema",
    "evaluate": "ssr.workflows.evaluation",
    "write_report": "ssr.workflows.report",
    "open_series": "ssr.scenes.series",
    "series_from_array": "ssr.scenes.arrays",
    "Grid": "ssr.raster.grid",
    "load_config": "ssr.config.files",
    "network_from_options": "ssr.build.networks",
    "bundled_model": "ssr.build.networks",
    "load_model": "ssr.build.networks",
    "open_model": "ssr.workflows.models",
    "from_pretrained": "ssr.workflows.exchange",
    "save_pretrained": "ssr.workflows.exchange",
    "ForeignNetwork": "ssr.models.foreign",
    "Fidelity": "ssr.models.fidelity",
    "simulate_series": "ssr.data.simulate",
    "super_resolve_array": "ssr.inference.predictor",
    "super_resolve_scene": "ssr.workflows.scene",
    "super_resolve_chips": "ssr.workflows.inference",
    "super_resolve_grids": "ssr.workflows.inference",
    "show": "ssr.viewer.notebook",
    "comparison_sheet": "ssr.viewer.figures",
    "training_curves": "ssr.viewer.figures",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ssr' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
