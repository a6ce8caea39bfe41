"""The child process that serves the embedded model on loopback: `python -m errands.agents.embedded_server`.

Reads one line of JSON from stdin (weights, context_tokens, parallel, threads, key), writes its address, and ends when
stdin ends, so that it never outlives the process that started it, however that one ended.
"""

import json
import os
import sys
import threading


def main() -> None:
    """Serve until stdin ends."""
    order = json.loads(sys.stdin.readline())
    # Ends a load that is under way as well: nobody waits for it any more.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        server = _serve(order)
    except Exception as error:
        print(" ".join(str(error).split()) or type(error).__name__, flush=True)  # noqa: T201
        return
    print(server.listening_address, flush=True)  # type: ignore[attr-defined]  # noqa: T201
    threading.Event().wait()


def _serve(order: dict[str, str | int]) -> object:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = order["weights"]
    params.n_parallel = order["parallel"]
    params.n_ctx = int(order["context_tokens"]) * int(order["parallel"])
    params.cpuparams.n_threads = order["threads"]
    params.cpuparams_batch.n_threads = order["threads"]
    params.n_threads_http = int(order["parallel"]) + 2
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [order["key"]]
    params.ui = False
    params.endpoint_slots = False
    params.warmup = False
    params.fit_params = False
    params.cache_ram_mib = 0
    params.verbosity = -1
    return xllamacpp.Server(params)


def _end_with_parent() -> None:
    while sys.stdin.readline():
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
