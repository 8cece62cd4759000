"""How were the original's commands spelled: `python -m ssr.infer -opt X.yml` and its flags?"""

import argparse
from pathlib import Path

from ssr.cli.evaluation import run_test
from ssr.cli.inference import run_chips
from ssr.cli.output import print_notes
from ssr.cli.training import run_training
from ssr.errors import ConfigError


def infer() -> None:
    """`python -m ssr.infer -opt X.yml`."""
    from ssr.workflows.inference import super_resolve_chips

    _infer_with(super_resolve_chips, "ssr.infer")


def infer_grid() -> None:
    """`python -m ssr.infer_grid -opt X.yml`."""
    from ssr.workflows.inference import super_resolve_grids

    _infer_with(super_resolve_grids, "ssr.infer_grid")


def train() -> None:
    """`python -m ssr.train -opt X.yml`, alone, under torchrun or under `torch.distributed.launch`."""
    from ssr.config.files import Changes
    from ssr.distributed import n_processes

    parser = argparse.ArgumentParser(prog="python -m ssr.train", description="Train from an original option file.")
    parser.add_argument("-opt", required=True, type=Path, help="option file")
    parser.add_argument("--auto_resume", action="store_true", help="continue from the newest training state")
    parser.add_argument("--debug", action="store_true", help="name it debug_…, speak at every step, validate every 8")
    parser.add_argument("--strict", action="store_true", help="refuse options that would be corrected")
    parser.add_argument(
        "--force_yml", nargs="+", action="extend", default=[], metavar="A:B=VALUE", help="options of the file to change"
    )
    _add_launcher(parser)
    given = parser.parse_args()
    _refuse_slurm(given.launcher, "ssr.train")
    changes = Changes(forced=tuple(given.force_yml), debugs=given.debug, strict=given.strict, n_processes=n_processes())
    run_training(given.opt, changes, resume=given.auto_resume, device="auto", precision="auto", as_json=False)


def test() -> None:
    """`python -m ssr.test -opt X.yml`, alone, under torchrun or under `torch.distributed.launch`."""
    from ssr.config.files import Changes

    parser = argparse.ArgumentParser(prog="python -m ssr.test", description="Test from an original option file.")
    parser.add_argument("-opt", required=True, type=Path, help="option file")
    parser.add_argument("--auto_resume", action="store_true", help="keep the parts of the test that are finished")
    parser.add_argument("--overwrite", action="store_true", help="replace results that exist already")
    parser.add_argument("--debug", action="store_true", help="name it debug_…")
    parser.add_argument("--strict", action="store_true", help="refuse options that would be corrected")
    parser.add_argument(
        "--force_yml", nargs="+", action="extend", default=[], metavar="A:B=VALUE", help="options of the file to change"
    )
    _add_launcher(parser)
    given = parser.parse_args()
    _refuse_slurm(given.launcher, "ssr.test")
    run_test(
        given.opt,
        Changes(forced=tuple(given.force_yml), debugs=given.debug, strict=given.strict),
        resume=given.auto_resume,
        overwrite=given.overwrite,
        offline=False,
        device="auto",
        precision="auto",
        as_json=False,
    )


def _add_launcher(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--launcher", choices=["none", "pytorch", "slurm"], default="none", help="torchrun's environment decides"
    )
    parser.add_argument("--local-rank", "--local_rank", type=int, default=0, help=argparse.SUPPRESS)


def _refuse_slurm(launcher: str, module: str) -> None:
    if launcher == "slurm":
        raise ConfigError(f"--launcher slurm is not supported; start torchrun in the job (srun torchrun … -m {module})")


def _infer_with(workflow: object, program: str) -> None:
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description="Infer from an original option file.")
    parser.add_argument("-opt", required=True, type=Path, help="option file")
    parser.add_argument("--overwrite", action="store_true", help="replace results that exist already")
    given = parser.parse_args()
    if given.opt.is_dir():
        print_notes([f"{given.opt} is a folder: its chips are used with the bundled model"])
    run_chips(
        workflow,
        given.opt,
        save_path=Path("results"),
        n_revisits=8,
        overwrite=given.overwrite,
        compute=None,
        as_json=False,
    )
