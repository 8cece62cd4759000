"""Which options are known at a place of a config?"""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel


def known_names(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Names of the options beside the one that an error of pydantic points to."""
    places: list[Any] = [kind]
    for part in location[:-1]:
        places = [inner for place in places for inner in _below(place, part)]
    return sorted({name for place in places for model in _models_of(place) for name in model.model_fields})


def _below(place: Any, part: int | str) -> Iterator[Any]:
    """What a place's annotation says of one part of a path; a part may be the `type` that chose from a union."""
    for model in _models_of(place):
        if part in model.model_fields:
            yield model.model_fields[part].annotation
        elif "type" in model.model_fields and part in get_args(model.model_fields["type"].annotation):
            yield model
    if isinstance(part, int):
        yield place


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not Literal:
        for argument in get_args(annotation):
            yield from _models_of(argument)
