"""httpx without the command of its own that it brings, whose libraries take longer to load than httpx itself."""

import sys

_COMMAND = "httpx._main"
_BLOCKED = sys.modules.setdefault(_COMMAND, None) is None  # type: ignore[arg-type]  # None: there is no such module.

import httpx as httpx  # noqa: E402

if _BLOCKED:
    del sys.modules[_COMMAND]
