"""Errors → the `Status` object whose message Kubernetes clients print.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

from typing import Any

from apiservice.http import errors


def render(error: errors.StatusError) -> dict[str, Any]:
    """The `Status` object of an error, ready for JSON."""
    rendered: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
    }
    if error.details:
        rendered["details"] = dict(error.details)
    rendered["code"] = error.code
    return rendered
