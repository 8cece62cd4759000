"""How does an editor learn which options there are?"""

from typing import Any

from ssr.config.presets import PRESETS
from ssr.config.schema import InferConfig, TrainConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: type[TrainConfig] | type[InferConfig]) -> dict[str, Any]:
    """JSON schema of a native option file, in which `model` may be the name of a preset."""
    schema = {"$schema": DIALECT, **kind.model_json_schema()}
    model = schema["properties"]["model"]
    schema["properties"] = schema["properties"] | {"model": {"anyOf": [{"enum": sorted(PRESETS)}, model]}}
    return schema
