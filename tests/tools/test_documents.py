"""`documents.read` on real files of each kind, made here byte by byte."""

import importlib.util
import io
import zipfile

import openpyxl  # type: ignore[import-untyped]
import pytest
from PIL import Image

from errands.core.outcomes import ErrorKind
from errands.tools.limits import ToolLimits
from tests.tools.bench import Bench, MakeBench

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(text: str) -> bytes:
    """A one-page PDF that shows a line."""
    stream = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
    ]
    out = "%PDF-1.4\n"
    starts = []
    for number, content in enumerate(objects, start=1):
        starts.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    end = f"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF"
    return f"{out}xref\n0 5\n0000000000 65535 f \n{table}{end}".encode()


def docx(text: str) -> bytes:
    """A Word file of one paragraph."""
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{types}"><Default Extension="rels" ContentType='
        f'"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{relations}">'
        f'<Relationship Id="r1" Type="{office}" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body>'
        "</w:document>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def xlsx() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["Product", "Amount"])
    book.active.append(["Tea", 12])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.pdf", pdf("Hello from a page"), "Hello from a page"),
        ("a.docx", docx("Hello from Word"), "Hello from Word"),
        ("a.xlsx", xlsx(), "| Tea | 12 |"),
        ("a.html", b"<h1>Hello</h1><script>alert(1)</script>", "# Hello"),
    ],
)
async def test_documents_become_markdown(bench: Bench, name: str, content: bytes, expected: str) -> None:
    bench.file(name, content)
    performed = await bench.catalog.call("documents.read", {"path": name}, bench.step)
    assert isinstance(performed.output, dict)
    assert expected in str(performed.output["markdown"])
    assert "alert" not in str(performed.output["markdown"])
    assert performed.untrusted


def scan(mode: str = "1") -> Image.Image:
    """A page as a scanner gives it."""
    return Image.new(mode, (60, 80), 1)


async def test_pages_that_are_pictures_without_words_are_marked(bench: Bench) -> None:
    scan().save(bench.file("scan.pdf"), "PDF", save_all=True, append_images=[scan("L")])
    scan().save(bench.file("scan.png"))
    bench.file("text.pdf", pdf("Hello from a page"))
    bench.file("a.docx", docx("Hello"))
    found = [await bench.call("documents.read", path=name) for name in ("scan.pdf", "scan.png", "text.pdf", "a.docx")]
    assert [(one["pages"], one["scanned"]) for one in found] == [(2, [1, 2]), (1, [1]), (1, []), (None, [])]
    assert found[0]["markdown"].strip() == ""


async def test_a_scan_with_words_beneath_it_is_none(bench: Bench) -> None:
    picture = "/XObject << /I 5 0 R >> /Font"
    content = pdf("Hello").replace(b"/Font", picture.encode(), 1)
    bench.file("a.pdf", content + b"\n5 0 obj << /Subtype /Image /Length 0 >> stream\n\nendstream endobj")
    output = await bench.call("documents.read", path="a.pdf")
    assert (output["pages"], output["scanned"]) == (1, [])


async def test_a_long_text_is_cut_where_that_was_asked_for(bench: Bench) -> None:
    bench.file("a.txt", "x" * 5000)
    output = await bench.call("documents.read", path="a.txt", max_characters=100)
    assert (len(str(output["markdown"])), output["characters"], output["truncated"]) == (100, 5000, True)


async def test_a_damaged_document_fails_with_its_name(bench: Bench) -> None:
    bench.file("broken.docx", docx("x")[:200])
    error = await bench.refused("documents.read", path="broken.docx")
    assert error.kind in (ErrorKind.TOOL, ErrorKind.INPUT)
    assert "broken.docx" in error.message


async def test_a_document_that_takes_too_long_is_stopped(make_bench: MakeBench) -> None:
    bench = make_bench(ToolLimits(document_seconds=0.05))
    bench.file("a.pdf", pdf("x"))
    assert (await bench.refused("documents.read", path="a.pdf")).kind is ErrorKind.TIMEOUT


async def test_a_document_over_the_limits_is_refused(make_bench: MakeBench) -> None:
    bench = make_bench(ToolLimits(document_bytes=100))
    bench.file("a.html", "x" * 101)
    assert (await bench.refused("documents.read", path="a.html")).kind is ErrorKind.LIMIT


async def test_a_document_that_unpacks_beyond_the_memory_limit_fails_alone(bench: Bench) -> None:
    bench.step.memory_limit = 32 * 2**20
    bench.file("bomb.docx", docx("x" * 50_000_000))
    error = await bench.refused("documents.read", path="bomb.docx")
    assert error.kind in (ErrorKind.LIMIT, ErrorKind.CRASH, ErrorKind.TOOL)


async def test_an_absent_extra_names_the_command_that_installs_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> object:
        return None if name == "markitdown" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    bench.file("a.txt", "x")
    error = await bench.refused("documents.read", path="a.txt")
    assert error.hint == 'pip install "errands[documents]"'
