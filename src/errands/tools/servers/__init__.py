"""Tools of tool servers (MCP), spoken to over a child process or over HTTP. `remote` is the way in.

Only modules below import the `mcp` SDK, on first use: it takes a second to load.
"""
