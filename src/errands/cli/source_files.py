"""Files on disk and the sources that services take and give."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from errands.cli.given import BadInput, read_text
from errands.services.views import SourceFile

_SUFFIXES = (".yaml", ".yml")


def read_sources(paths: Sequence[Path]) -> list[SourceFile]:
    """The files, and the YAML files in the folders, each once, in order. Raises BadInput where there is none."""
    found = list(dict.fromkeys(file for path in paths for file in _files(path)))
    if not paths:
        raise BadInput("Which files?", hint="Name files or folders, for example: errands apply -f tasks")
    if not found:
        raise BadInput(
            f"No YAML file in {', '.join(map(str, paths))}", hint="Name files, or folders that hold .yaml files"
        )
    return [SourceFile(str(file), read_text(file)) for file in found]


def task_or_file(named: str) -> str | SourceFile:
    """A task by its name, or its file: what ends like one or lies in a folder. Raises BadInput."""
    if named.endswith(_SUFFIXES) or "/" in named:
        return SourceFile(named, read_text(Path(named)))
    return named


def write_sources(folder: Path, sources: Sequence[SourceFile], *, force: bool) -> list[Path]:
    """Write sources below a folder; gives the files that changed. Raises BadInput, before it writes anything, where a
    file is there with other content and `force` is not given, or where a name would leave the folder."""
    targets = [(_inside(folder, source.name), source.source) for source in sources]
    differing = [path for path, text in targets if path.exists() and _content(path) != text]
    if differing and not force:
        raise BadInput(
            f"{', '.join(map(str, differing[:3]))}{' and others' if len(differing) > 3 else ''} would be overwritten",
            hint="Give --force, or another folder",
        )
    written = [(path, text) for path, text in targets if not path.exists() or path in differing]
    for path, text in written:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise BadInput(f"Cannot write {path}: {(error.strerror or str(error)).lower()}") from None
    return [path for path, _ in written]


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for inner in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in inner.relative_to(path).parts)
        if inner.suffix in _SUFFIXES and inner.is_file() and not hidden:
            yield inner


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BadInput(f"{name!r} would be written outside of {folder}")
    return path


def _content(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
