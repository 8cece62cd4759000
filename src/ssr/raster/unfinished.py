"""How does work that was broken off go on where it ended?

Beside the result stands a hidden folder with what is finished, row by row. A row counts once its marker is there,
which comes last and holds what the next row needs of it. The folder belongs to one process at a time, and to one
job: were anything different that the result depends on, it is begun anew. It goes when all that belongs to the result
has its name: until then the same job may replace what an earlier run of it has put there.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from ssr.atomic import one_line, remove, whole_file
from ssr.errors import OutputError

JOB, LOCK, PUBLICATION = "job.json", "lock", "publication"
BEGUN, DONE = "begun", "done"
"""Of a publication: some of the rasters may have their names; all of them have."""
MARKER_SUFFIX = ".npy"


def is_half_published(target: Path, *, job: str | None = None) -> bool:
    """Whether a run was ended after it had begun to give files their names. job: and it was this one."""
    folder = _folder_of(target)
    return (folder / PUBLICATION).is_file() and job in (None, _job_in(folder))


class UnfinishedWork:
    """A folder `.NAME.unfinished` beside `NAME`, for the time that the work takes.

    Args:
        job: the same text means the same result to the bit.
        n_rows: into which the work is cut.

    Attributes:
        n_finished: rows, from the first on, that need not be done again.
        n_found: as many as that when the work was taken up.
        was_other: an earlier, different job had left something, which is gone now.

    Raises:
        OutputError: another process is at it, or the folder cannot be made.
    """

    def __init__(self, target: Path, *, job: str, n_rows: int) -> None:
        self.target, self.job, self.n_rows = target, job, n_rows
        self.folder = _folder_of(target)
        self._lock = FileLock(self.folder / LOCK)
        self.n_finished = self.n_found = 0
        self.was_other = False

    def finish(self, row: int, edge: NDArray[np.float32]) -> None:
        """Mark a row as finished. edge: what the next one needs of it."""
        with whole_file(self._marker(row)) as part:
            np.save(part, edge)
        if row:
            self._marker(row - 1).write_bytes(b"")  # nobody needs that edge any more
        self.n_finished = row + 1

    def edge(self) -> NDArray[np.float32]:
        """What the last finished row left for the next."""
        return np.asarray(np.load(self._marker(self.n_finished - 1)))

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """A block in which rasters take their names."""
        self._say(BEGUN)
        yield
        self._say(DONE)

    def is_published(self, rasters: Iterable[Path]) -> bool:
        """Whether an earlier run of this job has given all rasters their names, and they are still there."""
        return self._publication() == DONE and all(path.exists() for path in rasters)

    def __enter__(self) -> Self:
        self._take()
        try:
            if _job_in(self.folder) not in (None, self.job):
                self.was_other = True
                self._empty()
            with whole_file(self.folder / JOB) as part:
                part.write_text(json.dumps({"job": self.job}), encoding="utf-8")
        except BaseException:
            self._lock.release()
            raise
        while self.n_finished < self.n_rows and self._marker(self.n_finished).is_file():
            self.n_finished += 1
        self.n_found = self.n_finished
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_worth_keeping = (self.n_finished and self.n_rows > 1) or self._publication() is not None
        if value is not None and is_worth_keeping:
            value.add_note(
                f"{self.n_finished} of {self.n_rows} rows are kept in {self.folder}: run the same again to go on, or "
                f"remove it"
            )
        else:
            with suppress(OSError):
                self._empty()
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def _take(self) -> None:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            while True:
                self.folder.mkdir(exist_ok=True)
                self._lock.acquire(blocking=False)
                if (self.folder / LOCK).exists():
                    return
                self._lock.release()  # whoever had it has just finished and removed the folder
        except Timeout as error:
            raise OutputError(
                f"{self.target}: another run is writing it; wait for it, or give another name with -o"
            ) from error
        except (OSError, NotImplementedError) as error:
            raise OutputError(f"{self.target}: cannot be written ({one_line(error)})") from error

    def _say(self, publication: str) -> None:
        with whole_file(self.folder / PUBLICATION) as part:
            part.write_text(publication, encoding="utf-8")

    def _publication(self) -> str | None:
        try:
            return (self.folder / PUBLICATION).read_text(encoding="utf-8")
        except OSError:
            return None

    def _empty(self) -> None:
        """A kill in the midst of this must leave no marker without what it promises, and nothing without its job."""
        found = [path for path in self.folder.iterdir() if path.name != LOCK]
        last = [PUBLICATION, JOB]
        for path in sorted(found, key=lambda path: (path.name in last, path.suffix != MARKER_SUFFIX, path.name == JOB)):
            remove(path)

    def _marker(self, row: int) -> Path:
        return self.folder / f"{row:05d}{MARKER_SUFFIX}"


def _folder_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.unfinished")


def _job_in(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / JOB).read_text(encoding="utf-8"))["job"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return "damaged"
