"""Serves moto, an emulator of AWS, on a port of its own of 127.0.0.1, until standard input closes.

    python serve.py

Prints one line: {"url": "http://127.0.0.1:PORT"}. Each access key is an account of its own, so that many
tests share one server and never meet. Paths below /landfall/ say what goes wrong (see control.py); all
others are moto's, with what corrections.py corrects.
"""

import io
import json
import os
import socket
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

# Reading the images that Amazon offers takes a second, and nobody here asks for one.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server  # noqa: E402

import corrections  # noqa: E402
from calls import Call  # noqa: E402
from control import CUT, Accounts, Refuse  # noqa: E402


class Quiet(MotoRequestHandler):
    """Says nothing of each request: standard output is for one line."""

    def log_request(self, *_: Any, **__: Any) -> None:
        pass


class Front:
    """Stands before moto: who calls, what goes wrong, and the control of that."""

    def __init__(self) -> None:
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.accounts = Accounts()
        # moto keeps its state without locks.
        self.alone = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ["PATH_INFO"]
        if path.startswith("/landfall/"):
            asked = json.loads(body) if body else {}
            with self.alone:
                answer = self.accounts.control(path.removeprefix("/landfall/"), asked)
            text = json.dumps(answer).encode()
            start("200 OK", [("content-type", "application/json"), ("content-length", str(len(text)))])
            return [text]
        call = Call.read(environ, body)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = call.account
        account = self.accounts.of(call.account)
        fate = account.before(call)
        if isinstance(fate, Refuse):
            text = call.refusal(fate.code, fate.message, fate.status)
            start(f"{fate.status} Refused", [("content-type", "text/xml"), ("content-length", str(len(text)))])
            return [text]
        if fate is not CUT:
            answer, say = self.carry_out(environ)
            if not account.after(fate):
                start(*say)
                return answer
        # Without an answer, as when a network breaks; the client may be gone already.
        with suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        start("500 Cut", [])
        return []

    def carry_out(self, environ: dict[str, Any]) -> tuple[list[bytes], list[Any]]:
        """Lets moto answer, one call after the other."""
        say: list[Any] = []
        with self.alone:
            answer = list(self.moto(environ, lambda *args: say.extend(args[:2])))
        return answer, say


def main() -> None:
    corrections.correct()
    front = Front()
    server = make_server("127.0.0.1", 0, front, threaded=True, request_handler=Quiet)
    front.accounts.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": front.accounts.url}), flush=True)
    sys.stdin.read()
    # Threads of calls that are held would wait for ever.
    os._exit(0)


if __name__ == "__main__":
    main()
