"""A ``python`` for scripts that run many commands, each a fork of one process that has loaded what they need.

Loading NumPy, Numba and the kernels takes a second and a half, most commands of a test a tenth. A command has
a process of its own all the same, with the arguments, environment, folder and files it was called with.

``python forked_commands.py ADDRESS`` listens on a socket; ``python forked_commands.py ADDRESS ARGUMENTS`` is
what the script calls: ``-m corpus_builder.cli ...`` is forked there, everything else is Python's own.
"""

import array
import json
import os
import socket
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MODULE = ["-m", "corpus_builder.cli"]
STREAMS = (0, 1, 2)
COMMANDS = {
    "mine-answers": "qa.jsonl",
    "mine-documents": "documents.jsonl",
    "mine-questions": "documents.jsonl",
    "clean-groups": "groups.jsonl",
}


def ask(address: str, arguments: list[str]) -> int:
    """Have the command run with this process's streams and folder; its exit code."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.connect(address)
        message = json.dumps([str(Path.cwd()), dict(os.environ), arguments]).encode() + b"\n"
        streams = array.array("i", STREAMS)
        server.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        return int(server.recv(16))


def serve(address: str) -> None:
    """Run one command after another, until this process is killed."""
    # On one core a command starts no workers, which would load everything again.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    load()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(address)
        listening.listen()
        while True:
            client, _ = listening.accept()
            with client:
                message, streams, _, _ = socket.recv_fds(client, 1 << 20, len(STREAMS))
                assert message.endswith(b"\n")
                child = os.fork()
                if child == 0:
                    run(streams, *json.loads(message))
                for stream in streams:
                    os.close(stream)
                client.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def load() -> None:
    """Run the commands of the miners once: they import and compile when they are called."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for command, example in COMMANDS.items():
            code = command_line(command, str(EXAMPLES / example), "-o", f"{folder}/{command}.jsonl")
            assert code == 0, command


def command_line(*arguments: str) -> int:
    """The program within this process; its exit code."""
    from corpus_builder.cli import main

    sys.argv = ["corpus-builder", *arguments]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)


def run(streams: list[int], folder: str, environment: dict[str, str], arguments: list[str]) -> None:
    """Be the command; does not return."""
    code = 1
    try:
        for there, here in zip(streams, STREAMS, strict=True):
            os.dup2(there, here)
            os.close(there)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        code = command_line(*arguments)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    address, arguments = sys.argv[1], sys.argv[2:]
    if not arguments:
        serve(address)
    elif arguments[:2] == MODULE:
        sys.exit(ask(address, arguments[2:]))
    else:
        os.execv(sys.executable, [sys.executable, *arguments])
