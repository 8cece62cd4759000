"""Which weights were published, and what does each need?

No hash was published with them: the first download is recorded (`cache`) and every later use is compared with it.
The network that each file must fit is the preset of the same name (`config/presets`); it is joined in `workflows`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ssr.sentinel2.bands import BAND_SETS, N_DATES_OF_BAND_MODELS, n_channels_of

URL_VARIABLE = "SSR_WEIGHTS_URL"

BUCKET = "https://pub-25c498004d1e4d4c8da69b2c05676836.r2.dev/"
OLD_BUCKET = "https://pub-956f3eb0f5974f37b9228e0a62f449bf.r2.dev/satlas_explorer_datasets/super_resolution_models/"
MIRROR = "https://storage.googleapis.com/satlas-satellite-super-resolution/"
"""Where at least `esrgan_1S2.pth` is served since the original's links began to move."""

ESRGAN_PARAMETERS = 16_696_259
ESRGAN_PARAMETERS_OF_A_CHANNEL = 9 * 64
"""Without its input channels, and what each of them adds."""

ESRGAN_MB = 134.0
"""Two sets of 16.7 million numbers of four bytes: trained and averaged."""

LICENCE = "Apache-2.0, the licence of the original repository; none is stated for the weights alone"
TRAINED_ON = "trained on S2-NAIP (ODC-BY): the USA, 2019 to 2020"
TRUE_COLOUR_RANGE = "Level-1C true-colour image (ESA's 8-bit TCI) divided by 255"
OTHER_BANDS_RANGE = "other bands of Level-1C: stored 16-bit numbers divided by 8160, cut to [0, 1]"

RETRAINED = f"{TRAINED_ON}; retrained after 29 April 2024, when the reshape bug was mended"
BEFORE_THE_BUG = f"{TRAINED_ON}; published on 1 December 2023, before the reshape bug of 7 December 2023: unaffected"
PROBABLY_SCRAMBLED = (
    "probably trained before the reshape fix of 29 April 2024: since 7 December 2023 dates and colours of the training "
    "input had been scrambled, and only 1S2, 2S2, 4S2, 8S2 and 16S2 are known to be retrained"
)
NO_PUBLIC_LINK = "no public link is known: pass the path of your own file (--model PATH, or --url PATH to `get`)"


@dataclass(frozen=True)
class Published:
    """One published weight file.

    Attributes:
        name: the stem of the file.
        architecture: the network's type in option files.
        n_revisits: dates it takes; None where no source says it.
        bands: files of one date in the order in which they are stacked; `tci` is red, green and blue. Empty where no
            source says them.
        n_parameters: of the network that is built of it; the two WorldStrat files hold more, which is never used.
        size_mb: about so many megabytes, from its number of parameters; None where unknown.
        urls: public addresses in the order in which they are tried.
        is_start_only: a start for training, not a model that can be applied.
    """

    name: str
    architecture: str
    n_revisits: int | None
    bands: tuple[str, ...]
    n_parameters: int | None
    size_mb: float | None
    urls: tuple[str, ...]
    provenance: str
    warnings: tuple[str, ...] = ()
    licence: str = LICENCE
    is_start_only: bool = False

    @property
    def file(self) -> str:
        return f"{self.name}.pth"

    @property
    def n_channels(self) -> int:
        """Channels of one date."""
        return n_channels_of(self.bands)

    @property
    def normalisation(self) -> str:
        """How stored numbers become the network's input."""
        if not self.bands:
            return "stated nowhere"
        return TRUE_COLOUR_RANGE + (f"; {OTHER_BANDS_RANGE}" if self.bands != BAND_SETS["tci"] else "")


def addresses(entry: Published, url: str | None = None, *, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Where to look for a file, in this order; a given address replaces the public ones.

    Args:
        url: an http(s) address or a local path. One that ends in `/` is a folder that holds `<name>.pth`; any other
            is the file itself. By default what `SSR_WEIGHTS_URL` says, which is always a folder.
    """
    if url is None and (base := environment.get(URL_VARIABLE)):
        url = with_slash(base)
    if url is None:
        return list(entry.urls)
    return [_inside(url, entry.file) if is_folder(url) else url]


def is_folder(url: str) -> bool:
    """Whether an address names a folder of files rather than one file."""
    return _split_query(url)[0].endswith("/")


def is_web(address: str) -> bool:
    """Whether an address is fetched over a network; anything without a scheme is a local path."""
    return "://" in address


def with_slash(base: str) -> str:
    """The address of a folder, ending in `/`."""
    return base if is_folder(base) else _inside(base, "/")


def _inside(folder: str, name: str) -> str:
    """The name appended to the path, before a query such as an access token."""
    path, query = _split_query(folder)
    return path + name + query


def _split_query(url: str) -> tuple[str, str]:
    path, mark, query = url.partition("?") if is_web(url) else (url, "", "")
    return path, mark + query


def _links(file: str, bucket: str = BUCKET) -> tuple[str, ...]:
    return bucket + file, MIRROR + file


def _esrgan(
    name: str,
    n_revisits: int,
    *,
    bands: tuple[str, ...] = BAND_SETS["tci"],
    urls: tuple[str, ...] | None = None,
    provenance: str = RETRAINED,
    warnings: tuple[str, ...] = (),
) -> Published:
    urls = _links(f"{name}.pth") if urls is None else urls
    n_parameters = ESRGAN_PARAMETERS + ESRGAN_PARAMETERS_OF_A_CHANNEL * n_revisits * n_channels_of(bands)
    return Published(name, "esrgan", n_revisits, bands, n_parameters, ESRGAN_MB, urls, provenance, warnings)


ONE_DATE = "invents detail, above all in towns: it sees a single image (the original's issue 27)"
SEA_OF_20M = "a user found seas and colours wrong (the original's issue 46, open)"

CATALOGUE: dict[str, Published] = {
    entry.name: entry
    for entry in (
        _esrgan("esrgan_1S2", 1, warnings=(ONE_DATE,)),
        *(_esrgan(f"esrgan_{n}S2", n) for n in (2, 4, 8, 16)),
        *(
            _esrgan(
                f"esrgan_{bands}",
                N_DATES_OF_BAND_MODELS,
                bands=BAND_SETS[bands],
                provenance=f"{TRAINED_ON}; date of training not stated",
                warnings=(PROBABLY_SCRAMBLED, SEA_OF_20M) if bands == "20m" else (PROBABLY_SCRAMBLED,),
            )
            for bands in ("10m", "20m", "60m")
        ),
        *(
            Published(
                name=f"{architecture}_s2naip",
                architecture=architecture,
                n_revisits=8,
                bands=BAND_SETS["tci"],
                n_parameters=n_parameters,
                size_mb=size_mb,
                urls=_links(f"{architecture}_s2naip.pth", OLD_BUCKET),
                provenance=BEFORE_THE_BUG,
            )
            for architecture, n_parameters, size_mb in (("srcnn", 1_773_803, 7.1), ("highresnet", 1_626_474, 13.0))
        ),
        Published(
            name="satlas_rrdbnet",
            architecture="esrgan",
            n_revisits=None,
            bands=(),
            n_parameters=None,
            size_mb=None,
            urls=_links("satlas_rrdbnet.pth"),
            provenance="RRDB network pretrained on SatlasPretrain (supplement A.5.3 of the paper)",
            warnings=(
                "a start for training, not a model to apply: its first convolution differs and is left out "
                "(`pretrained: {path: FILE, strict: false}` in an option file)",
            ),
            is_start_only=True,
        ),
        *(
            _esrgan(
                f"esrgan_orig_{n}S2",
                n,
                urls=(),
                provenance="older weights that the original's issues 5 and 46 name; date of training not stated",
                warnings=(NO_PUBLIC_LINK,),
            )
            for n in (2, 6, 12, 18)
        ),
    )
}
"""Every published file by its name."""
