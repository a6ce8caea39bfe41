"""The signed audit log and everybody's rights, from a real server: proven, compared with last time, and mailed."""

import io
import json
import zipfile

from errands.core.access import ProjectRole, Scope, ServerRole
from errands.core.outcomes import RunStatus
from errands.core.values import Json
from errands.services.audit_file import verify_export
from tests.templates.stage import PROJECT, ROOT, Stage
from tests.tools.mail_server import MailServer

_TASK = "compliance-report"


def _packed(mail: MailServer) -> zipfile.ZipFile:
    (attached,) = mail.message().iter_attachments()
    content = attached.get_content()
    assert isinstance(content, bytes)
    return zipfile.ZipFile(io.BytesIO(content))


async def test_the_log_is_exported_signed_and_the_second_report_lists_what_changed(
    stage: Stage, mail: MailServer, server: str
) -> None:
    services = stage.services
    await stage.person("bo", ProjectRole.EDITOR)
    await stage.person("aud", ProjectRole.VIEWER)
    await services.people.set_role(ROOT, "aud", ServerRole.AUDITOR)
    token = await services.tokens.make(ROOT, "c", [Scope.AUDIT, Scope.READ], expires_in=None, person="aud")
    await stage.secret("AUDIT_TOKEN", token.text)
    await stage.adopt(_TASK, server=server, projects=[PROJECT], auditors=["audit@example.com"])

    async def report() -> dict[str, Json]:
        ran = await stage.run(_TASK)
        assert ran.status is RunStatus.SUCCEEDED, ran.error
        assert isinstance(ran.output, dict)
        return ran.output

    stage.clock.now = stage.real_now()
    first = await report()
    assert (first["intact"], first["came"], first["went"]) == (True, [], [])
    with _packed(mail) as packed:
        assert {"audit.ndjson", "rights.json", "report.html", "SHA256SUMS"} <= set(packed.namelist())
        lines = packed.read("audit.ndjson").decode().splitlines()
        rights = json.loads(packed.read("rights.json"))["rights"]
    verdict = verify_export(lines)
    assert (verdict.intact, verdict.entries) == (True, first["entries"])
    assert not verify_export([line.replace("member.manage", "member.mange") for line in lines]).intact
    assert f"project {PROJECT}: user:bo is editor" in rights
    assert token.text not in "".join(lines)

    await services.members.remove(ROOT, PROJECT, "user:bo")
    await stage.person("cy", ProjectRole.OWNER)
    stage.clock.now = stage.real_now()
    second = await report()
    assert second["came"] == ["account cy: member", f"project {PROJECT}: user:cy is owner"]
    assert second["went"] == [f"project {PROJECT}: user:bo is editor"]
    assert isinstance(second["entries"], int)
    assert isinstance(first["entries"], int)
    assert second["entries"] < first["entries"], "it holds what came since the last report"
    with _packed(mail) as packed:
        assert "went: " in packed.read("report.html").decode()

    await stage.database.pool.execute("alter table audit_entries disable trigger all")
    await stage.database.pool.execute("update audit_entries set actor = 'user:eve' where seq = 2")
    assert (await report())["intact"] is False
    assert "THE AUDIT LOG IS NOT WHOLE" in str(mail.message().get_body(("plain",)))
