"""How were the original's commands spelled: `python -m ssr.infer -opt X.yml` and its flags?"""

import argparse
from pathlib import Path

from ssr.cli.inference import run_chips
from ssr.cli.output import print_notes
from ssr.cli.training import run_training


def infer() -> None:
    """`python -m ssr.infer -opt X.yml`."""
    from ssr.workflows.inference import super_resolve_chips

    _infer_with(super_resolve_chips, "ssr.infer")


def infer_grid() -> None:
    """`python -m ssr.infer_grid -opt X.yml`."""
    from ssr.workflows.inference import super_resolve_grids

    _infer_with(super_resolve_grids, "ssr.infer_grid")


def train() -> None:
    """`python -m ssr.train -opt X.yml [--auto_resume]`."""
    parser = argparse.ArgumentParser(prog="python -m ssr.train", description="Train from an original option file.")
    parser.add_argument("-opt", required=True, type=Path, help="option file")
    parser.add_argument("--launcher", choices=["none"], default="none", help="one process; more are not yet supported")
    parser.add_argument("--auto_resume", action="store_true", help="continue from the newest training state")
    given = parser.parse_args()
    run_training(given.opt, resume=given.auto_resume, device="auto", precision="auto", as_json=False)


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
