"""Whatever is wrong with an option file, is it said in one ConfigError?"""

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.config.basicsr import translate, translate_network
from ssr.config.files import parse
from ssr.config.schema import InferConfig, TrainConfig
from ssr.errors import ConfigError
from tests.unit.config.originals import ESRGAN, INFER, KINDS, changed

FILES = {"inference": INFER, **KINDS}
KEYS = st.one_of(
    st.sampled_from(["type", "scale", "val", "train", "network_g", "clip_opt", "ldl_opt", "s2_bands", "metrics"]),
    st.text(max_size=5),
    st.integers(),
    st.none(),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, 3, 4, 8, 24, 10**400]),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["L1Loss", "SRCNN", "SSR_RRDBNet", "WorldStratDataset", "tci", "1e3", "inf", "nan"]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=5
)


def paths_of(options: dict[Any, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every key by its path, mappings included."""
    found = []
    for key, value in options.items():
        found.append((*above, key))
        if isinstance(value, dict):
            found += paths_of(value, (*above, key))
    return found


@st.composite
def mangled_files(draw):
    """An option file with one to four of its keys replaced, taken out or joined by others."""
    options = FILES[draw(st.sampled_from(sorted(FILES)))]
    for _ in range(draw(st.integers(1, 4))):
        place = options = changed(options, "name", "run-1")
        *parents, last = draw(st.sampled_from(paths_of(options)))
        for key in parents:
            place = place[key]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                place[last] = draw(VALUES)
            case "remove":
                del place[last]
            case "add":
                place[draw(KEYS)] = draw(VALUES)
    return options


@settings(max_examples=600)
@given(mangled_files(), st.booleans(), st.booleans())
def test_mangled_files_translate_or_are_refused(options, for_training, strict):
    with contextlib.suppress(ConfigError):
        native, notes = translate(options, for_training=for_training, source="here", strict=strict)
        assert all(isinstance(note, str) and "\n" not in note for note in notes)
        parse(native, TrainConfig if for_training else InferConfig, source="here")


@settings(max_examples=200)
@given(st.dictionaries(KEYS, VALUES, max_size=5), st.booleans())
def test_any_mapping_translates_or_is_refused(options, for_training):
    with contextlib.suppress(ConfigError):
        translate(options, for_training=for_training, source="here")


@settings(max_examples=200)
@given(st.sampled_from(["network_g", "network_d"]), KEYS, VALUES, st.one_of(st.none(), st.integers(-3, 20)))
def test_any_network_translates_or_is_refused(which, key, value, n_revisits):
    with contextlib.suppress(ConfigError):
        translate_network({**ESRGAN[which], key: value}, n_revisits=n_revisits, source="here")
