"""Errands as a tool server (MCP): published tasks are tools, and so is what a long run needs.

`door` is the way in; what it loads on the first request (the SDK takes a second) stands beside it.
"""
