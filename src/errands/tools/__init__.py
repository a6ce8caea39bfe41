"""What can be done: the catalog of tools, and the tools that come with Errands.

Start at `catalog.py`: it checks a call (grant, arguments, secrets) and runs it. `tool.py` says what a tool is,
`builtin.py` lists those that are built in; each lives in a module of its own (`http_request.py`, `sql.py`,
`files.py`, ...). Three things are shared by all: `outbound.py` is the only way to other hosts over HTTP,
`folders.py` the only way to files, `children.py` the only way to run what may hang or eat the machine.

This room imports `core` and libraries of its own. Heavy libraries are imported inside the tool that needs them,
and what runs in a child process (`*_child.py` and what they import) stays on the standard library, because a
child must start in milliseconds.
"""
