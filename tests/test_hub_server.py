"""The hub on localhost, asked by the real client: it gives what is there and refuses as the real one does."""

import http.client
import urllib.error
import urllib.request

import pytest

from helpers import hub_server

WEIGHTS = bytes(range(256)) * 40


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (tmp_path / "secret.txt").write_text("not part of the model")
    return folder


@pytest.fixture
def hub(model):
    served = dict.fromkeys(["lab/open", "lab/gated", "lab/cut"], model)
    with hub_server.Hub(served, gated={"lab/gated": "a-reader"}, cut=["lab/cut"]) as running:
        yield running


def download(hub, tmp_path, name, file="config.json", token=False, **options):
    from huggingface_hub import hf_hub_download

    path = hf_hub_download(name, file, endpoint=hub.url, cache_dir=tmp_path / "cache", token=token, **options)
    with open(path, "rb") as content:
        return content.read()


def test_the_client_gets_the_file_and_keeps_it_in_its_cache(hub, tmp_path):
    assert download(hub, tmp_path, "lab/open", "model.safetensors") == WEIGHTS
    assert download(hub, tmp_path, "lab/open", "model.safetensors") == WEIGHTS
    assert [method for method, _, _ in hub.log] == ["HEAD", "GET", "HEAD"]


@pytest.mark.parametrize(
    ("name", "file", "options", "error", "status"),
    [
        ("lab/opne", "config.json", {}, "RepositoryNotFoundError", 401),
        ("lab/opne", "config.json", {"token": "somebody"}, "RepositoryNotFoundError", 404),
        ("lab/gated", "config.json", {}, "GatedRepoError", 401),
        ("lab/gated", "config.json", {"token": "somebody"}, "GatedRepoError", 403),
        ("lab/open", "absent.json", {}, "RemoteEntryNotFoundError", 404),
        ("lab/open", "config.json", {"revision": "v2"}, "RevisionNotFoundError", 404),
    ],
)
def test_it_refuses_as_a_hub_does(hub, tmp_path, name, file, options, error, status):
    with pytest.raises(Exception) as raised:
        download(hub, tmp_path, name, file, **options)
    assert type(raised.value).__name__ == error or type(raised.value.__cause__).__name__ == error
    assert hub.log[0][2] == status


def test_a_gated_model_opens_for_its_token(hub, tmp_path):
    assert download(hub, tmp_path, "lab/gated", token="a-reader") == b"{}"


def test_weights_in_xet_storage_come_from_its_server_or_without_it_from_the_hub(model, tmp_path, monkeypatch):
    from huggingface_hub import constants

    with hub_server.Hub({"lab/xet": model}, xet={"lab/xet": "http://127.0.0.1:9"}) as hub:
        assert download(hub, tmp_path, "lab/xet") == b"{}"
        monkeypatch.setenv("HF_XET_CLIENT_RETRY_MAX_ATTEMPTS", "0")
        with pytest.raises(RuntimeError, match="127.0.0.1:9/"):
            download(hub, tmp_path, "lab/xet", "model.safetensors")
        assert "/xet-read-token/" in hub.log[-1][1]
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        assert download(hub, tmp_path, "lab/xet", "model.safetensors") == WEIGHTS


def test_it_describes_its_models(hub):
    from huggingface_hub import HfApi

    api = HfApi(endpoint=hub.url, token=False)
    assert api.model_info("lab/gated").gated == "manual"
    assert [file.path for file in api.list_repo_tree("lab/open")] == ["config.json", "model.safetensors"]


def test_ranges_cuts_and_nothing_outside_the_model(hub):
    def get(path, **headers):
        with urllib.request.urlopen(urllib.request.Request(hub.url + path, headers=headers)) as answer:
            return answer.status, answer.read()

    assert get("/lab/open/resolve/main/model.safetensors", Range="bytes=9000-") == (206, WEIGHTS[9000:])
    with pytest.raises(http.client.IncompleteRead):
        get("/lab/cut/resolve/main/model.safetensors")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get("/lab/open/resolve/main/%2e%2e/secret.txt")
