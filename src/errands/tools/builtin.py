"""The tools that come with Errands, in one catalog."""

from collections.abc import Callable
from pathlib import Path

from errands.tools import (
    archive,
    charts,
    data,
    documents,
    files,
    http_request,
    keep,
    log,
    mail,
    notify,
    reports,
    sql,
    sql_dump,
    time_zones,
)
from errands.tools.catalog import Catalog
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits


def builtin_catalog(
    policy: HostPolicy, limits: ToolLimits, programs: Callable[[], Path | None] = lambda: None
) -> Catalog:
    """A catalog with every built-in tool. Close it with `aclose` when the process ends.

    `programs`: the folder of PostgreSQL's own programs, where they do not lie on PATH.
    """
    catalog = Catalog(policy, limits, programs)
    catalog.add(http_request.http_request)
    catalog.add(sql.sql_query)
    catalog.add(sql.sql_execute)
    catalog.add(sql.sql_copy)
    catalog.add(sql_dump.sql_dump)
    catalog.add(sql_dump.sql_restore)
    catalog.add(files.files_read)
    catalog.add(files.files_write)
    catalog.add(files.files_append)
    catalog.add(files.files_list)
    catalog.add(files.files_info)
    catalog.add(files.files_copy)
    catalog.add(files.files_move)
    catalog.add(files.files_delete)
    catalog.add(keep.files_keep)
    catalog.add(documents.documents_read)
    catalog.add(data.data_parse)
    catalog.add(data.data_format)
    catalog.add(charts.charts_draw)
    catalog.add(reports.reports_write)
    catalog.add(mail.mail_send)
    catalog.add(notify.notify_send)
    catalog.add(archive.archive_create)
    catalog.add(archive.archive_extract)
    catalog.add(archive.archive_verify)
    catalog.add(time_zones.time_convert)
    catalog.add(log.log)
    return catalog
