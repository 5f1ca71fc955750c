"""What this server must be allowed in the cluster, as the command that allows it.

The kube-apiserver names who was refused; the operator gets a line to paste.
"""

import re

_ACCOUNT = re.compile(r'User "system:serviceaccount:([a-z0-9.-]+):([a-z0-9.-]+)"')
_UNKNOWN = "NAMESPACE:SERVICE_ACCOUNT"


def to_review(refused: str) -> str:
    """Asking who a token is and what a user may. `refused` is the kube-apiserver's message."""
    account, name = _asker(refused)
    return (
        f"kubectl create clusterrolebinding {name}-auth-delegator "
        f"--clusterrole=system:auth-delegator --serviceaccount={account}"
    )


def to_read_settings(refused: str) -> str:
    """Reading the ConfigMap of the authentication of extension servers."""
    account, name = _asker(refused)
    return (
        f"kubectl create rolebinding -n kube-system {name}-auth-reader "
        f"--role=extension-apiserver-authentication-reader --serviceaccount={account}"
    )


def to_watch(refused: str, *, resource: str) -> str:
    """Listing and watching a resource, such as `deployments.apps`, in all namespaces."""
    account, name = _asker(refused)
    role = f"{name}-watch-{resource}"
    return (
        f"kubectl create clusterrole {role} --verb=list,watch --resource={resource} && "
        f"kubectl create clusterrolebinding {role} --clusterrole={role} --serviceaccount={account}"
    )


def to_keep_secret(refused: str, *, namespace: str, secret: str) -> str:
    """Reading and replacing one Secret."""
    account, name = _asker(refused)
    role = f"-n {namespace} {name}-keep-{secret}"
    return (
        f"kubectl create role {role} --verb=get,update --resource=secrets --resource-name={secret} && "
        f"kubectl create rolebinding {role} --role={name}-keep-{secret} --serviceaccount={account}"
    )


def to_register(refused: str, *, api_service: str) -> str:
    """Saying of one APIService whose certificate is to be trusted."""
    account, name = _asker(refused)
    role = f"{name}-register-{api_service}"
    return (
        f"kubectl create clusterrole {role} --verb=get,patch --resource=apiservices.apiregistration.k8s.io "
        f"--resource-name={api_service} && "
        f"kubectl create clusterrolebinding {role} --clusterrole={role} --serviceaccount={account}"
    )


def _asker(refused: str) -> tuple[str, str]:
    """The service account, and its name alone."""
    found = _ACCOUNT.search(refused)
    return (f"{found[1]}:{found[2]}", found[2]) if found else (_UNKNOWN, "BINDING")
