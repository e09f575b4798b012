"""Servers of the course: they answer on 127.0.0.1, end with whoever started them, and say why they did not start."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from helpers import DATA, ROOT, serving
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
HEALTHY = (  # a server that answers every GET
    "import http.server, sys\n"
    "class Handler(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        self.send_response(200)\n"
    "        self.end_headers()\n"
    "print('serving', flush=True)\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[2])), Handler).serve_forever()\n"
)
HELLO = {"messages": [{"role": "user", "content": "my order 12 is late"}], "max_tokens": 2, "temperature": 0}


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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_server_ends_with_its_guard(port):
    with serving.started([*SERVER, str(port)], port, "/", 60) as (guard, _):
        [server] = psutil.Process(guard.pid).children(recursive=True)
        guard.kill()
        assert psutil.wait_procs([server], timeout=60)[1] == []
    assert not answers(port)


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


def test_a_port_that_is_taken_is_not_taken_for_the_server(port):
    with (
        serving.running([*SERVER, str(port)], port, "/"),
        pytest.raises(InputError, match=f"something else listens on port {port}"),
        serving.running([*SERVER, str(port)], port, "/"),
    ):
        pytest.fail("the other one was taken for it")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_server_that_is_killed_is_missed(port):
    def kill(url: str) -> None:
        for one in psutil.Process().children(recursive=True):
            if "http.server" in one.cmdline() and "helpers.serving" not in one.cmdline():
                one.kill()

    command = [sys.executable, "-c", HEALTHY, "http.server", str(port)]
    with pytest.raises(serving.ServerError, match=r"the server ended \(137\)[\s\S]*serving"):
        serving.run_until_it_ends(command, port, kill)
    assert not answers(port)


def post(url: str, asked: dict | bytes) -> tuple[int, str]:
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    request = urllib.request.Request(f"{url}/chat/completions", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """`python -m helpers serve` of the embedded base: (its process, its address, its processes, its TMPDIR)."""
    pytest.importorskip("fastapi", reason="needs the extra: pip install -e .[serve]")
    command = [sys.executable, "-m", "helpers", "serve", str(DATA / "base")]
    temporary = tmp_path_factory.mktemp("temporary")
    environment = {**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    # a job in the background ignores SIGINT, and what it starts would, too
    heard = {} if os.name == "nt" else {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **heard
    ) as process:
        url = process.stdout.readline().split(",")[0].removeprefix("serving at ")
        try:
            yield process, url, psutil.Process(process.pid).children(recursive=True), temporary
        finally:
            process.terminate()


@pytest.mark.slow
def test_the_command_serves_what_generate_answers(served):
    openai = pytest.importorskip("openai", reason="needs the extra: pip install -e .[serve]")

    from helpers import inference, models, profiles
    from helpers.chats import read_chat

    prompts = [row["messages"][:-1] for row in read_chat(DATA / "tickets" / "test.jsonl")[:2]]
    client = openai.OpenAI(base_url=served[1], api_key="none")
    asked = [
        client.chat.completions.create(model=str(DATA / "base"), messages=one, temperature=0, max_tokens=24)
        for one in prompts
    ]
    profile = profiles.select("tiny", [])
    base = models.load_base(profile, quantize=False)
    wanted = inference.generate(base, models.load_tokenizer(profile.model), prompts, max_new_tokens=24)
    assert [one.choices[0].message.content for one in asked] == [one.strip() for one in wanted]
    with pytest.raises(openai.BadRequestError, match="messages leave room for"):
        client.chat.completions.create(
            model=str(DATA / "base"), messages=[{"role": "user", "content": "late " * 5000}], max_tokens=1
        )


@pytest.mark.slow
def test_it_listens_here_alone_and_lives_through_bad_requests(served):
    _, url, (*_, server), _ = served
    assert {found.laddr.ip for found in server.net_connections() if found.status == "LISTEN"} == {"127.0.0.1"}
    wrong = [b"{", {}, {**HELLO, "max_tokens": "x"}, {**HELLO, "stop": 1}, {**HELLO, "model": "nobody/nothing"}]
    for asked, status in [*((one, 400) for one in wrong), (b" " * 2_000_000, 413), (HELLO, 200)]:
        found, text = post(url, asked)
        assert found == status and len(text) > 30, (asked[:50], text)


@pytest.mark.slow
def test_two_hundred_at_once_are_answered(served):
    _, url, (*_, server), _ = served
    before = server.memory_info().rss
    with ThreadPoolExecutor(200) as pool:
        found = list(pool.map(lambda _: post(url, HELLO)[0], range(200)))
    assert found == [200] * 200
    assert server.memory_info().rss - before < 100 * 2**20


@pytest.mark.slow
def test_nobody_writes_on_for_a_client_that_went_away(served):
    """A thousand tokens were asked for, a hundred read: what it computes before the next answer is no thousand."""
    _, url, (*_, server), _ = served
    asked = {**HELLO, "max_tokens": 1500, "stream": True, "logit_bias": {"2": -100.0}}  # it may not stop
    request = urllib.request.Request(
        f"{url}/chat/completions", json.dumps(asked).encode(), {"Content-Type": "application/json"}
    )
    start = sum(server.cpu_times()[:2])
    with urllib.request.urlopen(request, timeout=600) as stream:
        for _ in range(200):
            assert stream.readline()
    closed = sum(server.cpu_times()[:2])
    assert post(url, HELLO)[0] == 200
    assert sum(server.cpu_times()[:2]) - closed < 4 * (closed - start)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_it_in_one_line_and_leaves_nothing(served):
    process, url, processes, temporary = served
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0 and process.stderr.read() == "stopped\n"
    assert psutil.wait_procs(processes, timeout=20)[1] == []
    assert not answers(int(url.split(":")[2].split("/")[0])) and not [
        path for path in temporary.rglob("*") if path.is_file()
    ]
