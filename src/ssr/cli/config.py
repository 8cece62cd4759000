"""How do `config translate`, `check` and `schema` read their arguments and show their results?"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ssr.cli.options import Json, Overwrite
from ssr.cli.output import EXIT_USER_ERROR, print_json, print_notes
from ssr.cli.training import Set, Strict
from ssr.errors import ConfigError

if TYPE_CHECKING:
    from ssr.config.schema import InferConfig, TestConfig, TrainConfig

    Kind = type[TrainConfig] | type[InferConfig] | type[TestConfig]

app = typer.Typer(help="Option files: translate, check, describe.", no_args_is_help=True)

Command = Literal["train", "infer", "test"]

Out = Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; by default standard output.")]
For = Annotated[
    Command | None,
    typer.Option("--for", help="The command the file is for; by default training where it has training options."),
]
Processes = Annotated[
    int, typer.Option("--processes", min=1, help="Processes of the run; the original counts a batch for each.")
]


@app.command()
def translate(
    original: Annotated[Path, typer.Argument(help="An option file of the original.")],
    out: Out = None,
    command: For = None,
    processes: Processes = 1,
    settings: Set = None,
    strict: Strict = False,
    overwrite: Overwrite = False,
) -> None:
    """Write an original option file as a native one; what was corrected or ignored goes to standard error."""
    from ssr.config.files import Changes, dump_config, load_config

    changes = Changes(settings=tuple(settings or ()), strict=strict, n_processes=processes)
    config, notes = load_config(original, _kind(original, command), changes)
    print_notes(notes)
    _write(dump_config(config), out, overwrite=overwrite)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Option files, native or of the original.", show_default=False)],
    command: For = None,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Say of each file that it is right, or its first wrong option; exit code 2 if any is wrong."""
    from ssr.config.files import Changes, load_config

    results = []
    for path in files:
        wrong = None
        try:
            load_config(path, _kind(path, command), Changes(strict=strict))
        except ConfigError as error:
            wrong = str(error)
        results.append({"file": str(path), "wrong": wrong})
        if not as_json:
            print(wrong or f"{path}: ok")
    if as_json:
        print_json(results)
    if any(result["wrong"] for result in results):
        sys.exit(EXIT_USER_ERROR)


@app.command()
def schema(
    command: Annotated[Command, typer.Argument(help="The command whose option files it describes.")] = "train",
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Write the JSON schema by which editors complete and check native option files."""
    from ssr.config.editors import json_schema

    _write(json.dumps(json_schema(_kind_for(command)), indent=2) + "\n", out, overwrite=overwrite)


def _kind(path: Path, command: Command | None) -> "Kind":
    from ssr.config.files import kind_of, read_yaml

    return kind_of(read_yaml(path)) if command is None else _kind_for(command)


def _kind_for(command: Command) -> "Kind":
    from ssr.config.schema import InferConfig, TestConfig, TrainConfig

    kinds: dict[Command, Kind] = {"train": TrainConfig, "infer": InferConfig, "test": TestConfig}
    return kinds[command]


def _write(text: str, out: Path | None, *, overwrite: bool) -> None:
    if out is None:
        print(text, end="")
        return
    from ssr.atomic import refuse_existing, whole_file

    refuse_existing(out, overwrite=overwrite)
    with whole_file(out) as part:
        part.write_text(text, encoding="utf-8")
    print(f"wrote {out}")
