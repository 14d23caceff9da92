"""What a call of an AWS client is: whose, which action, and how its service writes a refusal."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Call:
    """A call: the access key is the account's number."""

    account: str
    service: str
    action: str

    @staticmethod
    def read(environ: dict[str, Any], body: bytes) -> "Call":
        """By the signature's scope (KEY/DATE/REGION/SERVICE/aws4_request) and the named action."""
        scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0]
        account, _, _, service, _ = scope.split("/") if scope.count("/") == 4 else ("", "", "", "", "")
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        named = parse_qs(body.decode("latin1")).get("Action", [""])[0]
        return Call(account, service, target.rpartition(".")[2] or named)

    def refusal(self, code: str, message: str, status: int) -> bytes:
        """The body of a refusal, as this service writes one."""
        code, said = escape(code), escape(message)
        if self.service == "tagging":
            return json.dumps({"__type": code, "message": message}).encode()
        error = f"<Code>{code}</Code><Message>{said}</Message>"
        if self.service == "ec2":
            return f"<Response><Errors><Error>{error}</Error></Errors><RequestID>r</RequestID></Response>".encode()
        side = "Sender" if status < 500 else "Receiver"
        error = f"<Error><Type>{side}</Type>{error}</Error>"
        return f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>".encode()
