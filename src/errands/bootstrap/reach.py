"""Makes what agents and steps reach: the toolbox with its tool servers, and the services that manage them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.services.authority import Authority
    from errands.services.tool_servers import ToolServerService
    from errands.services.vault import Vault
    from errands.store.database import Database
    from errands.tools.catalog import Catalog
    from errands.tools.toolbox import Toolbox


def make_toolbox(database: "Database", catalog: "Catalog") -> "Toolbox":
    from errands.services.tool_server_directory import ServerDirectory
    from errands.tools.toolbox import Toolbox

    return Toolbox(catalog, ServerDirectory(database))


def make_tool_servers(
    database: "Database", authority: "Authority", vault: "Vault", toolbox: "Toolbox"
) -> "ToolServerService":
    from errands.services.tool_servers import ToolServerParts, ToolServerService

    return ToolServerService(ToolServerParts(database, authority, vault, toolbox.look, toolbox.builtin()))
