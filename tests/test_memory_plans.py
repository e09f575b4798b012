"""`estimate` and `fit` on the command line, the remedies that `fit` goes through, the explorer, published figures."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from test_memory import architecture
from typer.testing import CliRunner

from helpers import cli, plots, widgets
from helpers.errors import InputError
from helpers.memory import Settings, fit, published, report
from helpers.memory.settings import parse_targets
from helpers.memory.terms import TERMS, Plan

KEYS = ("weights", "quantization_constants", "adapter", "gradients", "optimizer", "activations", "logits", "peak")
COUNTS = ("total_parameters", "trainable_parameters")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """A small architecture with a large vocabulary, so that its logits weigh as those of real ones do."""
    folder = tmp_path_factory.mktemp("architecture")
    architecture(4, vocab_size=131_072).save_pretrained(folder)
    return str(folder)


def run(*arguments):
    """The command's exit code, output, and the InputError it raised, for which `main` exits with 2."""
    answer = CliRunner().invoke(cli.app, list(map(str, arguments)))
    wrong = answer.exception if isinstance(answer.exception, InputError) else None
    return (2 if wrong else answer.exit_code), answer.output, str(wrong)


def test_estimate_prints_integers_in_bytes(model):
    code, output, _ = run("estimate", "--model", model, "--method", "lora", "--targets", "q_proj,v_proj", "--json")
    found = json.loads(output)
    assert code == 0 and all(type(found[key]) is int and found[key] >= 0 for key in KEYS + COUNTS)
    assert found["trainable_parameters"] == 4 * 16 * ((64 + 64) + (64 + 32))
    assert found["peak"] == max(found["moments"].values()) > found["weights"]
    assert found["inference"]["kv_cache"] == 2 * 4 * 32 * 2 * (512 + 256)


def test_estimate_says_formulas_in_words(model):
    code, output, _ = run("estimate", "--model", model, "--checkpointing")
    text = " ".join(output.split())
    assert code == 0 and all(term in text and TERMS[term][0] in text for term in KEYS if term != "peak")


def test_every_term_has_a_formula_and_a_source():
    assert set(TERMS) <= set(Plan.__dataclass_fields__) | {"peak"}
    assert all(len(formula) > 20 and len(source) > 20 for formula, source in TERMS.values())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--method", "dora"], "full, lora, qlora, int8"),
        (["--optimizer", "sgdx"], "adamw_torch_fused"),
        (["--targets", "wq"], "q_proj"),
        (["--targets", ","], "all-linear"),
        (["--rank", "0"], "at least 1"),
        (["--length", "1"], "length"),
        (["--last-layers", "9"], "4 blocks"),
        (["--method", "full", "--last-layers", "2"], "0 for all"),
        (["--dtype", "fp8"], "bfloat16"),
        (["--loss", "focal"], "full, chunked, fused"),
        (["--sharding", "zero3"], "--gpus"),
        (["--gpus", "0"], "at least 1"),
        (["--gpus", "2", "--sharding", "zero1"], "fsdp2"),
        (["--optimizer-in-backward", "--accumulation", "4"], "accumulation of 1"),
        (["--dropout", "1.5"], "such as 0.05"),
    ],
)
def test_bad_options_say_what_would_have_been_right(model, options, words):
    code, _, message = run("estimate", "--model", model, *options)
    assert code == 2 and words in message


@pytest.mark.parametrize("command", [["estimate"], ["fit", "--gpu-gb", "24"]])
@pytest.mark.parametrize("name", ["./nowhere", "nowhere.json"])
def test_a_model_that_is_not_there_is_named(command, name):
    code, _, message = run(*command, "--model", name)
    assert code == 2 and name in message


def test_targets_are_read_as_they_are_typed():
    assert parse_targets("all-linear") == "all-linear" and parse_targets("q_proj, v_proj") == ("q_proj", "v_proj")


@pytest.fixture(scope="module")
def all_remedies(model) -> fit.Fit:
    """What `fit` does for a GPU that cannot hold the model at all: every remedy, one after the other."""
    return fit.fit(model, 1e-4, 300)


def test_a_gpu_that_is_large_enough_needs_no_remedy(model):
    found = fit.fit(model, 1000, 64)
    assert found.fits and len(found.steps) == 1 and found.smallest_gpu_gb in fit.GPU_SIZES


def test_a_remedy_that_takes_more_is_left_out(tmp_path):
    architecture(4).save_pretrained(tmp_path)  # so few logits that the buffers of the loss in chunks are larger
    whole, chunked, quarter = (
        fit.estimate(Settings(str(tmp_path), "lora", length=64, **options)).peak
        for options in (dict(batch=16), dict(batch=16, loss="chunked"), dict(batch=4, accumulation=4))
    )
    found = fit.fit(str(tmp_path), (quarter + 1) / 1e9, 64)
    assert quarter < whole < chunked and found.fits and found.settings.loss == "full"


@pytest.mark.slow
def test_remedies_save_bytes_and_come_in_their_order(all_remedies):
    steps = all_remedies.steps
    names = [remedy.name for remedy in fit.remedies(("q_proj", "v_proj"))]
    assert not all_remedies.fits and [step.name for step in steps[1:]] == names
    for before, after in zip(steps, steps[1:], strict=False):
        assert after.saved == before.plan.peak - after.plan.peak
    by_name = {step.name: step.saved for step in steps}
    assert min(by_name[name] for name in ("loss in chunks", "batches of 4, accumulated", "checkpointing")) > 0
    assert all_remedies.settings.length == 300, "the length is never cut"


def test_what_fits_is_within_the_budget_and_nothing_of_it_is_needless(model):
    smaller = Settings(model=model, method="lora", batch=4, accumulation=4, length=256, loss="chunked")
    needed = fit.estimate(smaller).peak
    found = fit.fit(model, (needed + 1) / 1e9, 256)
    assert found.fits and found.settings == smaller and found.steps[-1].plan.peak == needed <= found.budget
    assert found.steps[0].plan.peak > found.budget


@pytest.mark.slow
def test_fit_says_settings_or_the_gpu_that_it_takes(model, all_remedies, monkeypatch):
    code, output, _ = run("fit", "--model", model, "--gpu-gb", "4", "--length", "64")
    assert code == 0 and "fits into 4 GB" in output and "--method lora" in output
    text = report.fit_text(all_remedies, 1e-4)
    assert "does not fit" in text and f"{all_remedies.smallest_gpu_gb} GB" in text
    code, _, message = run("fit", "--model", model, "--gpu-gb", "0")
    assert code == 2 and "such as 24" in message
    monkeypatch.setattr(fit, "fit", lambda *_: all_remedies)
    code, output, _ = run("fit", "--model", model, "--gpu-gb", "0.0001", "--json")
    assert code == 1 and json.loads(output)["fits"] is False


def test_the_explorer_redraws(model, capsys):
    explorer = widgets.memory_explorer([model])
    *controls, _ = explorer.children
    before = capsys.readouterr().out
    method = next(control for control in controls if control.description == "method")
    method.value = "qlora"
    assert ", lora: peak" in before and ", qlora: peak" in capsys.readouterr().out


def test_a_waterfall_shows_what_is_left_and_what_each_remedy_saved():
    ax = plots.waterfall({"start": 3e9, "one": 2e9, "two": 0.5e9}, limits={"1 GB": 1e9})
    left, saved = ([bar.get_width() for bar in bars] for bars in ax.containers)
    assert left == [3, 2, 0.5] and saved == [0, 1, 1.5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["start", "one", "two"]
    assert ax.get_xlabel().startswith("memory (GB")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to a memory limit")
def test_a_process_is_held_to_its_memory_limit():
    code = "from helpers.machine import limit_memory as limit; limit(50_000_000); bytearray({})"
    within, beyond = (
        subprocess.run([sys.executable, "-c", code.format(size)], capture_output=True, text=True)
        for size in (10_000_000, 200_000_000)
    )
    assert within.returncode == 0 and beyond.returncode == 1 and "MemoryError" in beyond.stderr


FIGURES = published.figures()
MEASURED = [figure for figure in FIGURES if figure.kind == "peak"]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_published_figures_name_source_and_reason(figure):
    assert figure.unit in published.UNITS and min(map(len, (figure.source, figure.note, figure.why))) > 20
    assert "assum" not in figure.note or figure.kind == "impossible", "a row's settings are known"
    assert figure.counter in published.COUNTERS or figure.kind == "impossible"


@pytest.mark.slow
@pytest.mark.parametrize("figure", [f for f in FIGURES if f.kind == "impossible"], ids=lambda figure: figure.id)
def test_what_cannot_be_is_below_the_weights(figure):
    assert figure.bytes < published.compare(figure).floor


@pytest.mark.slow
def test_what_others_measured_is_what_is_predicted():
    found = [published.compare(figure) for figure in MEASURED]
    median, most = published.errors(found)
    assert len(found) >= 40 and len({one.figure.source for one in found}) >= 8
    assert median < 0.06 and most < 0.2, (median, most)
    one_gpu = [one for one in found if one.figure.settings.gpus == 1 and "nf4" not in one.figure.id]
    assert all(one.within for one in one_gpu), [(one.figure.id, one.ratio) for one in one_gpu if not one.within]
    assert sum(one.within for one in found) >= 0.85 * len(found)


def test_an_error_is_that_of_half_and_of_nine_in_ten():
    rows = [
        SimpleNamespace(ratio=1 + sign * share / 100) for share, sign in zip(range(1, 11), [1, -1] * 5, strict=True)
    ]
    assert published.errors(rows) == pytest.approx((0.05, 0.09))
