"""Apply a task, run it and watch its steps, from a Python program.

usage: client.py SERVER TOKEN FILE.yaml TASK [NAME=VALUE ...]
"""

import sys
from pathlib import Path

from errands.client import Client, RunEnded, RunSnapshot, StepChanged


def main(server: str, token: str, file: str, task: str, *given: str) -> int:
    with Client(server, token) as errands:
        errands.apply(Path(file))
        started = errands.start(task, dict(pair.split("=", 1) for pair in given))
        for event in errands.follow(started.id):
            match event:
                case RunSnapshot(run=run):
                    for step in run.steps:
                        print(f"{step.path}: {step.status}")
                case StepChanged(step=step):
                    print(f"{step.path}: {step.status}")
                case RunEnded(run=run):
                    print(f"{run.id} {run.status}: {run.output}")
                    return 0 if run.status == "succeeded" else 1
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
