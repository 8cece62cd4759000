"""How do others show a run: TensorBoard, Weights & Biases?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ssr.atomic import one_line, whole_file
from ssr.errors import ConfigError, MissingExtraError
from ssr.training.recorder import Figures, Picture

EXTRA = "logging"


class TensorBoard:
    """Writes event files below `tensorboard/`: scalars and pictures as `<event>/<name>`.

    Args:
        n_done: TensorBoard drops what earlier files say of later steps, as they are made once more.

    Raises:
        MissingExtraError: the package tensorboard is not installed.
    """

    def __init__(self, folder: Path, *, n_done: int = 0) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError("tensorboard", EXTRA, "training.logging.tensorboard") from error
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=n_done + 1)

    def record(self, event: str, step: int, figures: Figures, pictures: Sequence[Picture] = ()) -> None:
        for name, value in figures.items():
            self.writer.add_scalar(f"{event}/{name}", value, step)
        for picture in pictures:
            self.writer.add_image(f"{event}/{picture.name}", picture.pixels, step, dataformats="HWC")
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()


class WeightsAndBiases:
    """Sends figures and pictures to Weights & Biases, or keeps them below `wandb/` for `wandb sync`.

    The run's id is kept in `wandb_id`, so that a resumed run goes on where it was; the service takes no step twice.

    Args:
        mode: by default what the environment says (WANDB_MODE), else online.
        resume_id: of the run to go on with, instead of the one kept.
        options: shown beside the figures.

    Raises:
        MissingExtraError: the package wandb is not installed.
        ConfigError: the service does not take the run: no network, no login, no such project.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        project: str,
        mode: Literal["online", "offline"] | None = None,
        resume_id: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        try:
            import wandb
        except ImportError as error:
            raise MissingExtraError("wandb", EXTRA, "training.logging.wandb") from error
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / "wandb_id"
        known = resume_id or (kept.read_text("utf-8").strip() if kept.is_file() else None)
        self.picture = wandb.Image
        try:
            self.run = wandb.init(
                project=project,
                name=name,
                dir=str(folder),
                mode=mode,
                id=known,
                resume="allow",
                config=dict(options or {}),
                settings=wandb.Settings(silent=True, console="off"),
            )
        except wandb.Error as error:
            raise ConfigError(
                f"training.logging.wandb: the service does not take the run ({one_line(error)}); "
                "log in (wandb login), or set mode: offline and send it later (wandb sync)"
            ) from error
        with whole_file(kept) as part:
            part.write_text(f"{self.run.id}\n", encoding="utf-8")

    def record(self, event: str, step: int, figures: Figures, pictures: Sequence[Picture] = ()) -> None:
        seen = {f"{event}/{picture.name}": self.picture(picture.pixels) for picture in pictures}
        self.run.log({f"{event}/{name}": value for name, value in figures.items()} | seen, step=step)

    def close(self) -> None:
        self.run.finish()
