"""Every refusal a client can be given, as an exception that knows its HTTP code and Kubernetes reason.

    StatusError
    ├── BadRequest           400  the request cannot be understood
    ├── Unauthorized         401  no credential, or one that is not valid
    ├── Forbidden            403  the user may not do this
    ├── NotFound             404  no such path, resource or object
    ├── MethodNotAllowed     405  the path exists, the verb does not
    ├── NotAcceptable        406  no representation the client accepts
    ├── Gone                 410  no longer available
    │   └── Expired          410  the continue token or version is too old
    ├── InternalError        500  our fault
    ├── ServiceUnavailable   503  a backend is missing; asking again may help
    └── Timeout              504  the deadline passed first

Providers raise these and nothing else on purpose; any other exception is a defect and becomes an
`InternalError` whose message tells the client nothing of its cause. `status` renders them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

_LONGEST_MESSAGE = 4096
"""Characters. A message may quote what a client sent, which may have any length."""


class StatusError(Exception):
    """A refusal. A very long message loses its middle. `details` are the fields of Kubernetes'
    `StatusDetails`: group, kind, name, causes.
    """

    code: ClassVar[int]
    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = _shortened(message)
        super().__init__(self.message)
        self.details: Mapping[str, Any] = details or {}
        self.headers: Mapping[str, str] = headers or {}


def _shortened(message: str) -> str:
    """What was quoted begins a message, why it was refused ends it."""
    if len(message) <= _LONGEST_MESSAGE:
        return message
    half = _LONGEST_MESSAGE // 2
    left_out = len(message) - 2 * half
    return f"{message[:half]}… ({left_out} characters left out) …{message[-half:]}"


class BadRequest(StatusError):
    """The request cannot be understood."""

    code, reason = 400, "BadRequest"


class Unauthorized(StatusError):
    """There is no credential, or the one presented is not valid."""

    code, reason = 401, "Unauthorized"

    def __init__(self, message: str = "Unauthorized: present a valid bearer token") -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(StatusError):
    """The user is known and may not do this."""

    code, reason = 403, "Forbidden"


class NotFound(StatusError):
    """There is no such path, resource or object."""

    code, reason = 404, "NotFound"


class MethodNotAllowed(StatusError):
    """The path exists, but only for other methods: for reading."""

    code, reason = 405, "MethodNotAllowed"

    def __init__(self, message: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, details=details, headers={"Allow": "GET, HEAD"})


class NotAcceptable(StatusError):
    """No representation of the answer is among those the client accepts."""

    code, reason = 406, "NotAcceptable"


class Gone(StatusError):
    """What was asked for existed and does no longer."""

    code, reason = 410, "Gone"


class Expired(Gone):
    """The continue token or resource version is too old."""

    reason = "Expired"


class InternalError(StatusError):
    """The server is at fault."""

    code, reason = 500, "InternalError"


class ServiceUnavailable(StatusError):
    """Something behind the server is missing."""

    code, reason = 503, "ServiceUnavailable"


class Timeout(StatusError):
    """The deadline passed before the answer was ready."""

    code, reason = 504, "Timeout"
