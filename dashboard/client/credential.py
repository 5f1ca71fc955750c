"""Get the credential of a kubeconfig user: a token or a certificate, and how long it is valid.

The kubelet rotates token files, and exec plugins (`aws eks get-token`, `gke-gcloud-auth-plugin` …) return
short-lived tokens. So a credential has a time after which it is fetched again.
"""

import dataclasses
import datetime as dt
import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from dashboard.client import bounded, faults, kubeconfig

_TOKEN_FILE_LIFETIME_S = 60.0  # as in client-go
_EXEC_TIMEOUT_S = 60  # a plugin may wait until the user has logged in at an identity provider


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A token or a client certificate (PEM). Secrets are not part of `repr`."""

    token: str = dataclasses.field(default="", repr=False)
    certificate: str = dataclasses.field(default="", repr=False)
    key: str = dataclasses.field(default="", repr=False)
    expires: dt.datetime | None = None
    lifetime: float | None = None  # lifetime in seconds from now


def fetch(user: kubeconfig.Entry) -> Credential:
    """The user's current credential; empty without one. Raises `faults.Unconfigured`."""
    if isinstance(plugin := user.fields.get("exec"), dict):
        return _from_plugin(plugin, user)
    certificate, key = user.content("client-certificate"), user.content("client-key")
    if path := user.text("tokenFile"):
        try:
            token = bounded.text(user.directory / path).strip()
        except (OSError, ValueError) as error:
            raise faults.Unconfigured(
                f"Cannot read the token file {path} of user {user.name!r}: {bounded.reason(error)}. "
                "Correct the path or the file."
            ) from error
        return Credential(token=token, certificate=certificate, key=key, lifetime=_TOKEN_FILE_LIFETIME_S)
    token = user.text("token")
    if not (token or certificate) and (user.fields.get("auth-provider") or user.fields.get("username")):
        raise faults.Unconfigured(
            f"User {user.name!r} in the kubeconfig logs in by auth-provider or by a password, which is not "
            "supported here, nor by Kubernetes any more. Give a token, a client certificate or exec."
        )
    return Credential(token=token, certificate=certificate, key=key)


def _from_plugin(plugin: Mapping[str, Any], user: kubeconfig.Entry) -> Credential:
    """https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins"""
    command = str(plugin.get("command", ""))
    version = str(plugin.get("apiVersion", ""))
    if os.sep in command:
        command = str(user.directory / command)
    request = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    try:
        extra = {entry["name"]: entry["value"] for entry in plugin.get("env") or []}
    except (KeyError, TypeError) as error:
        raise faults.Unconfigured(
            f"The credential plugin {command!r} has an env that is not a list of name and value. Correct it."
        ) from error
    try:
        done = subprocess.run(
            [command, *(str(argument) for argument in plugin.get("args") or [])],
            env={**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(request)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_EXEC_TIMEOUT_S,
            check=True,
        )
        status = json.loads(done.stdout)["status"]
        expires = status.get("expirationTimestamp")
        return Credential(
            token=status.get("token", ""),
            certificate=status.get("clientCertificateData", ""),
            key=status.get("clientKeyData", ""),
            expires=dt.datetime.fromisoformat(expires) if expires else None,
        )
    except FileNotFoundError as error:
        hint = plugin.get("installHint") or "Install it or put it on PATH."
        raise faults.Unconfigured(f"The credential plugin {command!r} is not installed. {hint}") from error
    except subprocess.CalledProcessError as error:
        raise faults.Unconfigured(
            f"The credential plugin {command!r} failed with exit code {error.returncode}: "
            f"{' '.join(error.stderr.split())[-300:]}"
        ) from error
    except (subprocess.TimeoutExpired, OSError) as error:
        raise faults.Unconfigured(
            f"The credential plugin {command!r} returned no credential: {error}."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise faults.Unconfigured(
            f"The output of the credential plugin {command!r} is not an ExecCredential."
        ) from error
