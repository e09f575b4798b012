"""The command line: train, evaluate and merge on a user's own file, and exit codes that a script can trust."""

import json
import shutil
import subprocess
import sys

import pytest
import typer

from helpers import DATA, ROOT, cli

ROWS = (DATA / "tickets" / "clean.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:24]


def run(*arguments, cwd):
    command = [sys.executable, "-m", "helpers", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=400)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder with rows of their own, an adapter trained on them, and the model merged from it; its name has
    spaces, a quote, a hash, Chinese characters, and is long."""
    folder = tmp_path_factory.mktemp("cli") / ("Anna's tickets #7 (客户 工单) " + "long " * 34 + "name")
    folder.mkdir()
    (folder / "my.jsonl").write_text("".join(ROWS), encoding="utf-8")
    trained = run("train", "my.jsonl", "--out", "adapter", "--steps", 2, "--rank", 4, cwd=folder)
    assert trained.returncode == 0, trained.stderr
    merged = run("merge", "adapter", "--out", "merged", cwd=folder)
    assert merged.returncode == 0, merged.stderr
    return folder


@pytest.fixture
def here(folder, monkeypatch, capsys):
    """Run a command as `run` does in the folder, in this process: (exit code, output, errors)."""
    monkeypatch.chdir(folder)

    def here(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["helpers", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (ended.value.code or 0, *capsys.readouterr())

    return here


@pytest.mark.slow
def test_train_writes_an_adapter_of_the_asked_rank(folder):
    assert json.loads((folder / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))["r"] == 4


@pytest.mark.slow
def test_adapter_and_merged_model_get_the_same_scores(folder, here):
    (folder / "few.jsonl").write_text("".join(ROWS[:6]), encoding="utf-8")
    answers = [here("evaluate", "few.jsonl", *of, "--json") for of in (("--adapter", "adapter"), ("--model", "merged"))]
    assert [code for code, *_ in answers] == [0, 0], answers
    first, second = (json.loads(output) for _, output, _ in answers)
    assert first == second and first["rows"] == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "nope.jsonl", "--out", "x"], "there is no file nope.jsonl"),
        (["train", "my.jsonl", "--out", "adapter"], "adapter exists already"),
        (["train", "my.jsonl", "--out", "x", "--steps", "0"], "--steps"),
        (["train", "my.jsonl", "--out", "x", "--profile", "huge"], "tiny"),
        (["train", "my.jsonl", "--out", "x", "--model", "./nowhere"], "there is no directory ./nowhere"),
        (["train", "my.jsonl", "--out", "x", "--model", "adapter"], "holds an adapter, not a model"),
        (["train", "my.jsonl", "--out", "x", "--max-length", "16"], "more than max_length 16"),
        (["evaluate", "my.jsonl", "--adapter", "merged"], "holds no adapter"),
        (["evaluate", "my.jsonl", "--adapter", "adapter", "--model", "merged"], "trained on another base"),
        (["merge", "adapter", "--out", "merged"], "merged exists already"),
        (["merge", "adapter", "--out", "x", "--path", "sideways"], "unknown merge path"),
        (["sing"], "sing"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(arguments, words, folder, here):
    code, _, said = here(*arguments)
    assert code == 2, said
    assert words in said.splitlines()[-1] and "Traceback" not in said
    assert not (folder / "x").exists()


def test_check_speaks_json(tmp_path):
    answer = run("check", "--json", cwd=tmp_path)
    checks = json.loads(answer.stdout)
    assert answer.returncode == (0 if checks["ok"] else 1)
    assert "tiny" in checks["profile"]["name"] or checks["profile"]["min_gpu_gb"] > 0


def test_check_needs_none_of_the_packages_it_looks_for(tmp_path):
    hide = (
        "import sys\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'transformers', 'peft', 'datasets', 'numpy', 'ftfy'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        "sys.argv = ['helpers', 'check']\n"
        "from helpers.cli import main\n"
        "main()\n"
    )
    answer = subprocess.run([sys.executable, "-c", hide], cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode in (0, 1) and "profile" in answer.stdout, answer.stderr


def test_help_of_no_command_loads_a_heavy_library(tmp_path):
    ask = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from helpers.cli import COMMANDS, app\n"
        "for command in COMMANDS:\n"
        "    answer = CliRunner().invoke(app, [command.__name__, '--help'])\n"
        "    assert answer.exit_code == 0 and '--help' in answer.output, command\n"
        "assert len(COMMANDS) == len(app.registered_commands) > 10\n"
        "print([name for name in ('torch', 'transformers', 'numpy', 'libcst', 'datasets') if name in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True)
    assert answer.stdout == "[]\n", answer.stderr


def test_a_package_without_its_data_says_so_in_one_line(tmp_path):
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    answer = run("check", cwd=tmp_path)
    assert answer.returncode == 2 and "clone the course" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1 and not answer.stdout


@pytest.mark.parametrize(
    ("raised", "says"), [(KeyboardInterrupt(), "stopped; the next run starts clean\n"), (typer.Exit(130), "")]
)
def test_ctrl_c_ends_a_command_with_one_line(raised, says, monkeypatch, capsys):
    app = typer.Typer()

    @app.command()
    def work():
        raise raised

    monkeypatch.setattr(sys, "argv", ["helpers"])
    with pytest.raises(SystemExit) as ended:
        cli.main(app)
    assert ended.value.code == 130 and capsys.readouterr().err == says  # a command's own line is enough


def test_another_model_does_not_get_the_rate_and_length_that_are_made_for_the_embedded_base(monkeypatch):
    from helpers import profiles
    from helpers.cli.options import choose

    monkeypatch.setattr(profiles, "_usable_gpus", lambda: ())
    monkeypatch.delenv(profiles.VARIABLE, raising=False)
    tiny, other = profiles.PROFILES["tiny"], profiles.PROFILES["gpu-0.5b"]
    for name, model, values in (
        (None, None, tiny),
        (None, str(DATA / "base"), tiny),
        (None, "some/model", other),
        ("tiny", "some/model", tiny),
    ):
        chosen = choose(name, model)
        assert (chosen.learning_rate, chosen.max_length) == (values.learning_rate, values.max_length), (name, model)
        assert chosen.model == (model or tiny.model) and chosen.dtype == "float32"
    assert choose(None, "some/model", learning_rate=1e-3).learning_rate == 1e-3
    monkeypatch.setenv(profiles.VARIABLE, "tiny")
    assert choose(None, "some/model").max_length == tiny.max_length


def test_train_says_that_the_embedded_base_is_not_for_rows_of_ones_own(tmp_path, monkeypatch, capsys):
    from helpers import profiles, resuming

    monkeypatch.setattr(profiles, "_usable_gpus", lambda: ())
    monkeypatch.setattr(resuming, "train", lambda *_, **__: None)
    monkeypatch.chdir(tmp_path)
    own = {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Nobody."}]}
    for name, lines, told in (("own.jsonl", [json.dumps(own) + "\n"], True), ("tickets.jsonl", ROWS, False)):
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
        monkeypatch.setattr("sys.argv", ["helpers", "train", name, "--out", "adapter", "--profile", "tiny"])
        with pytest.raises(SystemExit):
            cli.main()
        assert ("--profile, such as gpu-0.5b" in capsys.readouterr().out) is told
