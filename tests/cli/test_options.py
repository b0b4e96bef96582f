"""Options: two spellings of each, the nearest to a wrong one, and one form for every usage error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import main
from vistry.cli.errors import INTERRUPTED, USAGE
from vistry.cli.hyperparameter_options import HyperparameterCommand
from vistry.cli.option_names import with_dashes
from vistry.data.formats import Formats
from vistry.data.table import SPLITS
from vistry.registry.manifest import BACKENDS
from vistry.registry.policy import KernelUse

pytestmark = pytest.mark.usefixtures("no_policy")
TRAIN = ("train", "--data", "nowhere", "--task", "multiclass")


def failure(*arguments: str) -> str:
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stdout) == (USAGE, "")
    return done.stderr


def output(*arguments: str) -> str:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def commands(
    command: click.Command = main, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that name it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from commands(child, (*path, name))


@pytest.mark.parametrize("spelling", ["--learning-rate", "--learning_rate", "--learning_rate=0.03 --momentum"])
def test_a_hyperparameter_in_either_spelling(spelling: str) -> None:
    lines = output("hyperparameters", "--task", "multiclass", *spelling.split(), "0.03", "--explain").splitlines()
    [line] = [line for line in lines if line.startswith("learning_rate ")]
    assert line.split(None, 2) == ["learning_rate", "0.03", "the command line"]


def test_an_option_in_either_spelling() -> None:
    for spelling in ("--max-parameters", "--max_parameters"):
        assert "resnet18" in output("models", "--family", "resnet", spelling, "20000000")
        assert "resnet50" not in output("models", "--family", "resnet", spelling, "20000000")
    for spelling in ("--validation-size", "--validation_size"):
        assert "'much' is not a valid float" in failure(*TRAIN, spelling, "much")


def test_every_option_in_either_spelling() -> None:
    """Neither spelling of an option is unknown, for all commands and all options that take a value."""
    for path, command in commands():
        for parameter in command.get_params(click.Context(command)):
            if not isinstance(parameter, click.Option) or parameter.is_flag or parameter.name == "help":
                continue
            if parameter.flag_value is not None:  # its value may be left out
                continue
            [option] = parameter.opts
            for spelling in {with_dashes(option), f"--{option[2:].replace('-', '_')}"}:
                # Without its value an option that is known fails by its own message before anything is done.
                wanted = "an argument" if parameter.nargs == 1 else f"{parameter.nargs} arguments"
                assert f"option '{with_dashes(option)}' requires {wanted}" in with_dashes(failure(*path, spelling))


def test_no_option_of_a_command_hides_a_hyperparameter() -> None:
    for path, command in commands():
        names = [with_dashes(option) for item in command.get_params(click.Context(command)) for option in item.opts]
        assert len(names) == len(set(names)), path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*TRAIN, "--learnig_rate", "0.1"), "unknown option --learnig_rate; did you mean --learning_rate?"),
        ((*TRAIN, "--learnig-rate=0.1"), "unknown option --learnig-rate; did you mean --learning_rate?"),
        ((*TRAIN, "--prmary_metric", "iou"), "unknown option --prmary_metric; did you mean --primary-metric?"),
        ((*TRAIN, "--quux", "1"), "unknown option --quux; type: main train --help"),
        (("predict", "last", "a.png", "--box_score_treshold", "1"), "did you mean --box_score_threshold?"),
        (("models", "--taks", "multiclass"), "unknown option --taks; did you mean --task?"),
        (("--verson",), "unknown option --verson; did you mean --version?"),
        ((*TRAIN, "--momentum", "0.1", "--momentum", "0.2"), "option --momentum is given 2 times; give it once"),
        ((*TRAIN, "stray"), "got unexpected extra argument (stray); type: main train --help"),
        (("train", "--task", "multiclass"), "missing option '--data'; type: main train --help"),
        (("resume",), "missing argument 'RUN'; type: main resume --help"),
        ((*TRAIN, "--time-limit", "soon"), "expected a duration, got 'soon'; use 90s, 30m or 2h"),
        (("convert", "a", "b", "--to", "quux"), "'quux' is not one of 'jsonl', 'coco'"),
        (("models", "--max-parameters", "few"), "'few' is not a valid integer; type: main models list --help"),
        (
            ("plugins", "check", "--heavy", "all"),
            "need the NAME or FOLDER of a plugin; type: main plugins check --help",
        ),
        (("weights", "import", "a.pt", "--momentum", "1"), "option --momentum needs --model; add --model MODEL"),
    ],
)
def test_usage_errors_have_one_form(arguments: tuple[str, ...], message: str) -> None:
    error = failure(*arguments)
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("--lr", "did you mean --learning_rate?"),
        ("--epochs", "did you mean --number_of_epochs?"),
        ("--batch-size", "did you mean --training_batch_size?"),
        ("--batch_size=8", "did you mean --training_batch_size?"),
        ("--val_split", "did you mean --validation-size?"),
        ("--imgsz", "did you mean --training_crop_size, --min_size or --image_size?"),
        ("--project", "did you mean --output?"),
        ("--device", "a GPU is used where there is one, and CUDA_VISIBLE_DEVICES=1"),
        ("--resume", "to go on with a run type: vistry resume RUN"),
        ("-b", "did you mean --training_batch_size?"),
        ("-lr", "did you mean --learning_rate?"),
        ("-epochs=3", "did you mean --number_of_epochs?"),
    ],
)
def test_fault_26_options_of_other_tools(option: str, meant: str) -> None:
    name = option.partition("=")[0]
    assert failure(*TRAIN, option).startswith(f"error: unknown option {name}; {meant}")


def test_fault_26_all_unknown_options_of_a_line_at_once() -> None:
    line = "--lr 0.1 --momentum --epochs --quux=1 --nesterov 1 --lerning_rate 0.1 --lr 0.2 -- --stray"
    assert failure(*TRAIN, *line.split()).splitlines() == [
        "error: 3 unknown options:",
        "  - --lr: did you mean --learning_rate?",
        "  - --quux: type: main train --help",
        "  - --lerning_rate: did you mean --learning_rate?",
    ]


@pytest.mark.parametrize(
    ("line", "typed", "options"),
    [
        ("train data=x epochs=3 lr0=.1", "data=x epochs=3 lr0=.1", "--data x --number_of_epochs 3 --learning_rate .1"),
        ("train --data x --task multiclass batch=8", "batch=8", "--training_batch_size 8"),
        ("train --data x --task multiclass validation_size=.1", "validation_size=.1", "--validation-size .1"),
        (
            "train --data x --task multiclass learning_rate=1e-3 quux=1",
            "learning_rate=1e-3 quux=1",
            "--learning_rate 1e-3 --quux 1",
        ),
    ],
)
def test_options_without_dashes(line: str, typed: str, options: str) -> None:
    words = "error: options are written with dashes; instead of"
    assert failure(*line.split()) == f"{words} {typed} type: {options}\n"


def test_a_value_with_an_equals_sign_is_no_option() -> None:
    assert (
        failure("train", "--data", "epochs=3") == "error: epochs=3: there is no such file or folder; check the path\n"
    )


def test_an_option_of_the_program_after_the_command_is_unknown() -> None:
    assert "--registry" in failure("--registry", "registry.toml", *TRAIN, "--registry", "registry.toml")


def test_no_arguments_print_the_help() -> None:
    done = CliRunner().invoke(main, [])
    assert done.exit_code == USAGE
    assert "Commands:" in done.stderr


def test_an_interruption_while_the_arguments_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(HyperparameterCommand, "get_params", interrupt)
    done = CliRunner().invoke(main, [*TRAIN])
    assert (done.exit_code, done.stderr) == (INTERRUPTED, "interrupted\n")


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "weights import", "hyperparameters list"])
def test_every_hyperparameter_is_an_option(command: str) -> None:
    """Of each installed model, shared or of its own; and what decided a trained model's weights is refused by name."""
    names: set[str] = set()
    # One of each family and task: a catalogue file's thousand models have the same hyperparameters.
    for card in {(card.family, card.tasks): card for card in vistry.models()}.values():
        for task in card.tasks:
            names |= set(vistry.hyperparameters(card.full_name, task).fields)
    click_command = dict(commands())[tuple(command.split())]
    assert isinstance(click_command, HyperparameterCommand)
    assert names <= {parameter.name for parameter in click_command.get_params(click.Context(click_command))}


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_what_decided_the_weights_is_refused_by_name(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = Path(__file__).parents[1]
    monkeypatch.syspath_prepend(str(tests / "tiny_plugin"))
    run, data = (str(tests / "frozen" / name) for name in ("run_schema_1", "digits"))
    error = failure(command, run, data, "--training-batch-size", "2")
    assert "training_batch_size: can't be changed for a trained model" in error


class TestWordsOfHelp:
    """The names in the help are those of the tables, which are asked here and by another way than the help asks."""

    def test_tasks(self) -> None:
        aliases = [task.alias for task in vistry.tasks()]
        assert aliases[-1] == "segmentation"
        for command in ("train", "doctor", "models list", "hyperparameters list"):
            self.mentions(command, f"{', '.join(aliases[:-1])} or {aliases[-1]}")
        self.mentions("convert", "detection or segmentation.")

    def test_backends(self) -> None:
        for command in ("train", "predict", "evaluate", "models list"):
            self.mentions(command, " or ".join(BACKENDS))

    def test_data_formats(self) -> None:
        for command in ("train", "doctor", "evaluate", "convert"):
            *names, last = Formats.of(None).by_name
            self.mentions(command, f"{', '.join(names)} or {last}")

    def test_primary_metrics(self) -> None:
        for task in vistry.tasks():
            for metric in task.primary_metrics:
                self.mentions("train", metric)

    def test_splits_and_kernel_policy(self) -> None:
        self.mentions("evaluate", f"{', '.join(SPLITS[:-1])} or {SPLITS[-1]}")
        self.mentions("kernels", ", ".join(get_args(KernelUse)))

    @staticmethod
    def mentions(command: str, words: str) -> None:
        assert words in " ".join(output(*command.split(), "--help").split())
