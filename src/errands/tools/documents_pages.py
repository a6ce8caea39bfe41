"""Which pages of a PDF are pictures without words. Runs in the child process, for hostile files reach this far."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from pdfminer.pdfdocument import PDFDocument
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import PDFStream, list_value, resolve1

_SHOWS_TEXT = re.compile(rb"(?:\)|>|\])\s*(?:Tj|TJ|'|\")")


def scanned_pages(stream: BinaryIO) -> tuple[int, list[int]]:
    """Number of pages, and which of them, from 1, hold a picture and show no text. The stream is rewound.

    Raises what pdfminer raises where the file is no sound PDF.
    """
    stream.seek(0)
    pages = [_is_picture(page) for page in PDFPage.create_pages(PDFDocument(PDFParser(stream)))]
    stream.seek(0)
    return len(pages), [number for number, picture in enumerate(pages, start=1) if picture]


def _is_picture(page: PDFPage) -> bool:
    contents = [resolve1(part) for part in list_value(page.contents)]
    if any(_shows_text(part) for part in contents):
        return False
    found = list(_drawn(page.resources, set()))
    return any(_kind(one) == "Image" for one in found) and not any(
        _kind(one) == "Form" and _shows_text(one) for one in found
    )


def _drawn(resources: object, seen: set[object]) -> Iterator[PDFStream]:
    """The pictures and forms that a page may draw, also in forms; each once, for forms may name each other."""
    named = resolve1(resources)
    objects = resolve1(named.get("XObject")) if isinstance(named, dict) else None
    if not isinstance(objects, dict):
        return
    for each in objects.values():
        one = resolve1(each)
        if isinstance(one, PDFStream) and one.objid not in seen:
            seen.add(one.objid)
            yield one
            yield from _drawn(one.attrs.get("Resources"), seen)


def _kind(one: PDFStream) -> str:
    return str(getattr(resolve1(one.attrs.get("Subtype")), "name", ""))


def _shows_text(part: object) -> bool:
    return isinstance(part, PDFStream) and _SHOWS_TEXT.search(part.get_data()) is not None
