"""All errors that a client can get, as exceptions with an HTTP code and a Kubernetes reason.

    StatusError
    ├── BadRequest           400  the request cannot be understood
    ├── Unauthorized         401  no credential, or one that is not valid
    ├── Forbidden            403  the user may not do this
    ├── NotFound             404  no such path, resource or object
    ├── MethodNotAllowed     405  the path exists, the verb does not
    ├── NotAcceptable        406  no representation the client accepts
    ├── Gone                 410  no longer available
    │   └── Expired          410  the continue token or version is too old
    ├── InternalError        500  a defect of this server
    ├── ServiceUnavailable   503  a backend is missing; a retry may help
    └── Timeout              504  the deadline passed first

Providers raise only these. Any other exception is a defect: the client gets an `InternalError` without the
cause, which is in the log. `status` renders them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

_LONGEST_MESSAGE = 4096
"""Characters. A message may quote the request, which may be long."""


class StatusError(Exception):
    """The base of all errors. The middle of a very long message is left out.

    `details` are fields of Kubernetes' `StatusDetails`: group, kind, name, causes. `headers` are added to the
    answer.
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
    """The message without its middle: its beginning has the quoted text, its end the reason."""
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
    """The path exists, but can only be read: with GET or HEAD."""

    code, reason = 405, "MethodNotAllowed"

    def __init__(self, message: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, details=details, headers={"Allow": "GET, HEAD"})


class NotAcceptable(StatusError):
    """The client accepts none of the media types in which the answer can be sent."""

    code, reason = 406, "NotAcceptable"


class Gone(StatusError):
    """The requested object or state existed and is no longer available."""

    code, reason = 410, "Gone"


class Expired(Gone):
    """The continue token or resource version is too old."""

    reason = "Expired"


class InternalError(StatusError):
    """A defect of this server."""

    code, reason = 500, "InternalError"


class ServiceUnavailable(StatusError):
    """A backend of this server is missing."""

    code, reason = 503, "ServiceUnavailable"


class Timeout(StatusError):
    """The deadline passed before the answer was ready."""

    code, reason = 504, "Timeout"
