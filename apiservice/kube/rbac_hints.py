"""The kubectl commands that give this server a permission it lacks.

The service account is taken from the kube-apiserver's error message, so that the operator can paste the
command from the log.
"""

import re

_ACCOUNT = re.compile(r'User "system:serviceaccount:([a-z0-9.-]+):([a-z0-9.-]+)"')
_UNKNOWN = "NAMESPACE:SERVICE_ACCOUNT"


def to_review(refused: str) -> str:
    """The command that allows TokenReviews and SubjectAccessReviews.

    `refused` is the kube-apiserver's error message, here and in the other functions.
    """
    account, name = _asker(refused)
    return (
        f"kubectl create clusterrolebinding {name}-auth-delegator "
        f"--clusterrole=system:auth-delegator --serviceaccount={account}"
    )


def to_read_settings(refused: str) -> str:
    """The command that allows to read the ConfigMap `extension-apiserver-authentication`."""
    account, name = _asker(refused)
    return (
        f"kubectl create rolebinding -n kube-system {name}-auth-reader "
        f"--role=extension-apiserver-authentication-reader --serviceaccount={account}"
    )


def to_watch(refused: str, *, resource: str) -> str:
    """The command that allows to list and watch a resource, such as `deployments.apps`, in all namespaces."""
    account, name = _asker(refused)
    role = f"{name}-watch-{resource}"
    return (
        f"kubectl create clusterrole {role} --verb=list,watch --resource={resource} && "
        f"kubectl create clusterrolebinding {role} --clusterrole={role} --serviceaccount={account}"
    )


def to_keep_secret(refused: str, *, namespace: str, secret: str) -> str:
    """The command that allows to read and replace one Secret."""
    account, name = _asker(refused)
    role = f"-n {namespace} {name}-keep-{secret}"
    return (
        f"kubectl create role {role} --verb=get,update --resource=secrets --resource-name={secret} && "
        f"kubectl create rolebinding {role} --role={name}-keep-{secret} --serviceaccount={account}"
    )


def to_register(refused: str, *, api_service: str) -> str:
    """The command that allows to set the CA bundle of one APIService."""
    account, name = _asker(refused)
    role = f"{name}-register-{api_service}"
    return (
        f"kubectl create clusterrole {role} --verb=get,patch --resource=apiservices.apiregistration.k8s.io "
        f"--resource-name={api_service} && "
        f"kubectl create clusterrolebinding {role} --clusterrole={role} --serviceaccount={account}"
    )


def _asker(refused: str) -> tuple[str, str]:
    """The service account as `NAMESPACE:NAME`, and its name alone; placeholders if the message has none."""
    found = _ACCOUNT.search(refused)
    return (f"{found[1]}:{found[2]}", found[2]) if found else (_UNKNOWN, "BINDING")
