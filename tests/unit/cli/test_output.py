"""Does a command end with the right code and speak to people and machines?"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from ssr.cli.output import print_json, print_notes, progress_bar, run_reporting
from ssr.errors import ConfigError, MissingExtraError, SSRError


@dataclass(frozen=True)
class Inner:
    path: Path


@dataclass(frozen=True)
class Outer:
    inner: Inner
    many: tuple[Inner, ...]
    numbers: dict[str, float]
    nothing: None = None


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (SSRError("a.tif: odd"), 2, "error: a.tif: odd\n"),
        (ConfigError("x"), 2, "error: x\n"),
        (KeyboardInterrupt(), 130, "interrupted; nothing half-written is left behind\n"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_a_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_reporting(lambda: fail(error))
    assert ended.value.code == code
    assert capsys.readouterr() == ("", told)


def test_a_missing_extra_says_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_reporting(lambda: fail(MissingExtraError("spyndex", "demo", "the demo")))
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "pip install 'satlas-super-resolution[demo]'" in told


def test_success_ends_with_zero_and_own_faults_are_not_hidden() -> None:
    with pytest.raises(SystemExit) as ended:
        run_reporting(lambda: None)
    assert ended.value.code == 0
    with pytest.raises(ZeroDivisionError):
        run_reporting(lambda: 1 / 0)


def test_json_is_one_object_with_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    inner = Inner(Path("a") / "b")
    print_json(Outer(inner, (inner,), {"é": 1.5}))
    shown = capsys.readouterr().out
    assert json.loads(shown) == {
        "inner": {"path": "a/b"},
        "many": [{"path": "a/b"}],
        "numbers": {"é": 1.5},
        "nothing": None,
    }


def test_notes_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_notes(["a", "b"])
    assert capsys.readouterr() == ("", "note: a\nnote: b\n")


@pytest.mark.parametrize("quiet", [True, False])
def test_progress_is_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str], quiet: bool) -> None:
    with progress_bar("work", quiet=quiet) as update:
        update(1, 2)
    assert capsys.readouterr() == ("", "")
