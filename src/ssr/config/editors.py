"""How does an editor learn which options there are?"""

from typing import Any

from ssr.config.presets import PRESETS
from ssr.config.schema import InferConfig, TestConfig, TrainConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: type[TrainConfig] | type[InferConfig] | type[TestConfig]) -> dict[str, Any]:
    """JSON schema of a native option file, in which `model` may be the name of a preset."""
    schema = {"$schema": DIALECT, **kind.model_json_schema()}
    model = schema["properties"].get("model")
    if model is None:
        return schema
    schema["properties"] = schema["properties"] | {"model": {"anyOf": [{"enum": sorted(PRESETS)}, model]}}
    return schema
