"""Invoices as PDF, Word and Excel, and a scan: fields with confidence, people where in doubt, a row for each."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from errands.agents import Answer, Script
from errands.core.outcomes import RunStatus
from errands.services.uploads import Upload
from tests.templates.stage import PROJECT, ROOT, ByText, Outside, Stage
from tests.tools.test_documents import docx, pdf, xlsx

_ROWS = """
select document, status, scan, vendor, number, date::text, total::text, currency, checked_by from invoices order by 1
"""


def _fields(sure: float = 0.95, **values: str) -> tuple[Answer]:
    found: dict[str, Any] = {name: {"value": value, "confidence": 0.95} for name, value in values.items()}
    found["total"] = {"value": values["total"], "confidence": sure}
    return (Answer(found),)


@pytest.fixture
def model() -> Script:
    return ByText(
        {
            "Tea Traders": _fields(
                vendor="Tea Traders", number="17", date="2026-01-31", total="120.50", currency="EUR"
            ),
            "Milk Farm": _fields(0.3, vendor="Milk Farm", number="A-9", date="2026-02-01", total="12", currency="EUR"),
            "Product": _fields(vendor="Table", number="3", date="31 January", total="12", currency="EUR"),
        }
    )


def _defaults(form: Any) -> dict[str, str]:
    return {name: schema["default"] for name, schema in form["properties"].items()}


def _scan() -> bytes:
    out = BytesIO()
    Image.new("1", (60, 80), 1).save(out, "PDF")
    return out.getvalue()


async def test_clear_ones_are_stored_and_people_see_the_doubtful_ones_and_scans(
    stage: Stage, two_databases: tuple[Outside, Outside]
) -> None:
    books, _ = two_databases
    await stage.secret("DOCUMENTS_DB", books.url)
    await stage.adopt("document-processing")
    files = {
        "clear.pdf": pdf("Tea Traders invoice 17 of 31 January 2026 total 120.50 EUR"),
        "doubtful.docx": docx("Milk Farm invoice A-9 of 1 February 2026, total 12 or 21 EUR"),
        "odd.xlsx": xlsx(),
        "scan.pdf": _scan(),
        "torn.docx": docx("x")[:200],
    }
    uploads = [Upload(name, "application/octet-stream", BytesIO(content)) for name, content in files.items()]
    started = await stage.services.runs.start(ROOT, PROJECT, "process-documents", {}, files={"documents": uploads})
    ran = await stage.rests(started.id)
    questions = {wait.path.partition(".")[0]: wait for wait in ran.waiting}
    assert sorted(questions) == [f"results[{number}]" for number in range(1, 5)]
    forms: dict[str, tuple[str, dict[str, str]]] = {
        "results[1]": ("accept", {"total": "21"}),
        "results[2]": ("accept", {"date": "2026-01-31"}),
        "results[3]": (
            "accept",
            {"vendor": "Rice", "number": "5", "date": "2026-01-02", "total": "7", "currency": "EUR"},
        ),
        "results[4]": ("reject", {}),
    }
    for path, (choice, given) in forms.items():
        approval = questions[path].approval
        assert approval is not None
        assert ("This is a scan" in str(questions[path].question)) == (path == "results[3]")
        asked = await stage.services.approvals.get(ROOT, approval)
        await stage.services.approvals.answer(ROOT, approval, choice=choice, form={**_defaults(asked.form), **given})
    ended = await stage.ends(started.id)
    assert ended.status is RunStatus.SUCCEEDED, ended.error
    assert ended.output == {"read": 1, "corrected": 3, "rejected": 1, "scans": ["scan.pdf"]}
    assert await books.rows(_ROWS) == [
        ("clear.pdf", "read", False, "Tea Traders", "17", "2026-01-31", "120.50", "EUR", None),
        ("doubtful.docx", "corrected", False, "Milk Farm", "A-9", "2026-02-01", "21", "EUR", "user:root"),
        ("odd.xlsx", "corrected", False, "Table", "3", "2026-01-31", "12", "EUR", "user:root"),
        ("scan.pdf", "corrected", True, "Rice", "5", "2026-01-02", "7", "EUR", "user:root"),
        ("torn.docx", "rejected", False, None, None, None, None, None, "user:root"),
    ]
