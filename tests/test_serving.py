"""Servers of the course: they answer on 127.0.0.1, end with whoever started them, and say why they did not start."""

import os
import signal
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from helpers import ROOT, serving
from helpers.errors import InputError

SERVER = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]
STARTER = (
    "import sys, time\n"
    "from contextlib import ExitStack\n"
    "from helpers.serving import free_port, running\n"
    "port, kept = free_port(), ExitStack()\n"
    "kept.enter_context(running([sys.executable, '-m', 'http.server', '--bind', '127.0.0.1', port], port, '/'))\n"
    "print(port, flush=True)\n"
    "time.sleep(600)\n"
)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except OSError:
        return False


def gone(port: int, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while answers(port) and time.monotonic() < end:
        time.sleep(0.1)
    return not answers(port)


@pytest.fixture
def port():
    return serving.free_port()


def test_a_server_answers_inside_the_block_and_is_gone_behind_it(port):
    with serving.running([*SERVER, str(port)], port, "/") as url:
        assert url == f"http://127.0.0.1:{port}" and answers(port)
    assert not answers(port)


def test_an_error_in_the_block_ends_the_server(port):
    with pytest.raises(KeyboardInterrupt), serving.running([*SERVER, str(port)], port, "/"):
        raise KeyboardInterrupt
    assert not answers(port)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_ends_with_its_starter_however_that_ends(number):
    starter = subprocess.Popen([sys.executable, "-c", STARTER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        port = int(starter.stdout.readline())
        processes = psutil.Process(starter.pid).children(recursive=True)
        assert len(processes) == 2 and answers(port)
        os.kill(starter.pid, number)
        starter.wait()
        assert gone(port)
        assert psutil.wait_procs(processes, timeout=20)[1] == []
    finally:
        starter.kill()
        starter.stdout.close()


def test_a_server_that_does_not_start_says_its_last_words(port):
    command = [sys.executable, "-c", "print('no such model'); raise SystemExit(3)"]
    with pytest.raises(serving.ServerError, match=r"ended \(3\)[\s\S]*no such model"), serving.running(command, port):
        pytest.fail("it was taken for ready")


def test_a_server_that_does_not_answer_is_ended(port):
    command = [sys.executable, "-c", "import time; print('loading', flush=True); time.sleep(600)"]
    with (
        pytest.raises(serving.ServerError, match=r"no answer[\s\S]*loading"),
        serving.running(command, port, seconds=2),
    ):
        pytest.fail("it was taken for ready")
    assert not [one for one in psutil.Process().children(recursive=True) if "loading" in " ".join(one.cmdline())]


def test_what_transformers_would_not_find_is_refused(tmp_path, port):
    for name, files in {"with@sign": ["config.json"], "adapter": ["adapter_config.json"], "empty": []}.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text("{}")
    for name, words in {"with@sign": "rename", "adapter": "adapter, not a model", "empty": "holds no model"}.items():
        with pytest.raises(InputError, match=words):
            serving.transformers_serve(tmp_path / name, port)


def test_missing_packages_are_named(monkeypatch, port):
    monkeypatch.setattr("helpers.requirements.installed", lambda: {"openai": "3.57.0"})
    with pytest.raises(InputError, match=r"serving needs fastapi, .*gguf.*\[serve\]"):
        serving.transformers_serve(ROOT / "data" / "base", port)


def test_the_command_refuses_what_is_no_model(tmp_path):
    command = [sys.executable, "-m", "helpers", "serve", str(tmp_path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 2 and "holds no model" in answer.stderr


@pytest.mark.slow
def test_the_command_serves_what_generate_answers(tmp_path):
    openai = pytest.importorskip("openai", reason="needs the extra: pip install -e .[serve]")

    from helpers import DATA, inference, models, profiles
    from helpers.chats import read_chat

    model = DATA / "base"
    prompts = [row["messages"][:-1] for row in read_chat(DATA / "tickets" / "test.jsonl")[:2]]
    command = [sys.executable, "-m", "helpers", "serve", str(model)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as served:
        try:
            url = served.stdout.readline().split(",")[0].removeprefix("serving at ")
            client = openai.OpenAI(base_url=url, api_key="none")
            asked = [
                client.chat.completions.create(model=str(model), messages=one, temperature=0, max_tokens=24)
                for one in prompts
            ]
        finally:
            served.terminate()
    profile = profiles.select("tiny", [])
    base = models.load_base(profile, quantize=False)
    wanted = inference.generate(base, models.load_tokenizer(profile.model), prompts, max_new_tokens=24)
    assert [one.choices[0].message.content for one in asked] == [one.strip() for one in wanted]
    assert gone(int(url.split(":")[2].split("/")[0]))
