"""The REST API under `/api/v1`: translates requests into calls of services and back. `app.make_app` puts it together.

A request passes `edge` (limits, headers), `callers` (who asks), one endpoint of a noun's module, and `problems`
wherever it is refused. Status codes live in this room alone; what may be done is decided in `services`.
"""
