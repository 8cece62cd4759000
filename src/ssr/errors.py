"""What can go wrong that a user can mend?

SSRError                     everything below; the command line prints it in one line and exits with 2
├── InputError               an image, folder or series that cannot be used
│   ├── ImageReadError       a file that cannot be opened or decoded
│   └── SeriesError          images that do not form one series (size, CRS, number of dates)
├── ConfigError              an option that is unknown, missing or out of range
├── WeightsError             a weight file that cannot be read or does not fit the network
├── OutputError              a result that cannot be written (exists, no permission, disk full)
└── MissingExtraError        an optional dependency that is not installed

A message says what was found, what was expected, where, and what to do next.
"""


class SSRError(Exception):
    """Anything a user can mend. The message is one line."""


class InputError(SSRError):
    """An image, folder or series that cannot be used."""


class ImageReadError(InputError):
    """A file that cannot be opened or decoded."""


class SeriesError(InputError):
    """Images that do not form one series."""


class ConfigError(SSRError):
    """An option that is unknown, missing or out of range."""


class WeightsError(SSRError):
    """A weight file that cannot be read or does not fit the network."""


class OutputError(SSRError):
    """A result that cannot be written."""


class MissingExtraError(SSRError):
    """An optional dependency that is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.extra = extra
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed; "
            f"run: pip install 'satlas-super-resolution[{extra}]'"
        )
