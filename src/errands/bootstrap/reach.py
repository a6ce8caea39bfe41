"""Makes what agents and steps reach: the toolbox with its tool servers, and the services that manage them."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from errands.core.outcomes import ErrorKind, StepFailed

if TYPE_CHECKING:
    from errands.agents import Agents
    from errands.core.definition.agents import KnownModel
    from errands.core.definition.policies import Grants
    from errands.core.ports import RunIdentity, StepContext
    from errands.core.redaction import Redactor
    from errands.core.sign_ins import SignInWay
    from errands.services.authority import Authority
    from errands.services.connecting import ConnectingService
    from errands.services.models import ModelService, Probe, Probed
    from errands.services.server_sign_ins import SignIns
    from errands.services.tool_servers import ToolServerService
    from errands.services.vault import Vault
    from errands.settings import Settings
    from errands.store.database import Database
    from errands.tools.catalog import Catalog
    from errands.tools.toolbox import Toolbox


@dataclass(frozen=True, slots=True)
class Reach:
    """What steps reach: tools and agents."""

    toolbox: "Toolbox"
    agents: "Agents"
    sign_ins: "SignIns"
    way: "SignInWay"


def make_sign_ins(database: "Database", vault: "Vault", catalog: "Catalog") -> "tuple[SignIns, SignInWay]":
    from errands.services.server_sign_ins import SignIns
    from errands.tools.servers.sign_in import SignInRoad

    way = SignInRoad(catalog.outbound)
    return SignIns(database, vault, way), way


def make_toolbox(database: "Database", catalog: "Catalog", sign_ins: "SignIns") -> "Toolbox":
    from errands.services.tool_server_directory import ServerDirectory
    from errands.tools.toolbox import Toolbox

    return Toolbox(catalog, ServerDirectory(database, sign_ins))


def make_models(database: "Database", authority: "Authority", vault: "Vault", agents: "Agents") -> "ModelService":
    from errands.services.models import ModelParts, ModelService

    return ModelService(ModelParts(database, authority, agents.prices, _probe(agents, vault)))


def _probe(agents: "Agents", vault: "Vault") -> "Probe":
    """Asks a model outside any run: nothing is recorded, and its key is the only secret."""

    async def probe(model: "KnownModel", project: str, project_id: str) -> "Probed":
        from datetime import UTC, datetime

        from errands.core.definition.policies import Grants
        from errands.core.ports import RunIdentity
        from errands.core.redaction import Redactor

        run = RunIdentity("run_" + "0" * 32, "models", project, project_id, 0, datetime.now(UTC))
        redactor = Redactor()
        with tempfile.TemporaryDirectory(prefix="errands-probe-") as folder:
            context = _probing_context(run, Grants(), Path(folder), vault, redactor)
            try:
                return await agents.probe(model, context)
            except StepFailed as failure:
                hint = failure.error.hint
                said, hinted = redactor.text(failure.error.message), None if hint is None else redactor.text(hint)
                raise StepFailed(failure.error.kind, said, hint=hinted) from None

    return probe


def _probing_context(
    run: "RunIdentity", grants: "Grants", folder: Path, vault: "Vault", redactor: "Redactor"
) -> "StepContext":
    from errands.engine.loose import LooseContext

    class Probing(LooseContext):
        async def credential(self, name: str, *, of_server: bool = False) -> str:
            found = (await vault.reveal(None if of_server else self.run.project_id, [name])).get(name)
            if found is None:
                hint = f"set it with: errands secrets set {name}" + (" --server" if of_server else "")
                raise StepFailed(ErrorKind.SECRET, f"the secret {name} does not exist", hint=hint)
            redactor.add(name, found)
            return found

    return Probing(run, grants, "probe", folder, 0)


def make_tool_servers(
    database: "Database", authority: "Authority", vault: "Vault", reach: Reach
) -> "ToolServerService":
    from errands.services.tool_servers import ToolServerParts, ToolServerService

    toolbox = reach.toolbox
    parts = ToolServerParts(database, authority, vault, toolbox.look, toolbox.builtin(), reach.sign_ins)
    return ToolServerService(parts)


def make_connecting(
    settings: "Settings",
    database: "Database",
    authority: "Authority",
    vault: "Vault",
    reach: Reach,
    servers: "ToolServerService",
) -> "ConnectingService":
    from errands.services.connecting import ConnectingParts, ConnectingService

    parts = ConnectingParts(database, authority, vault, reach.sign_ins, reach.way, servers, settings.base_url)
    return ConnectingService(parts)
