import pytest

from apiservice.kube import rbac_hints


@pytest.mark.parametrize(
    ("refused", "account", "name"),
    [
        ('User "system:serviceaccount:mesh:traffic" cannot list', "mesh:traffic", "traffic"),
        ('User "sue" cannot list', "NAMESPACE:SERVICE_ACCOUNT", "BINDING"),
        ("", "NAMESPACE:SERVICE_ACCOUNT", "BINDING"),
    ],
)
def test_the_command_names_who_was_refused(refused: str, account: str, name: str) -> None:
    assert rbac_hints.to_review(refused) == (
        f"kubectl create clusterrolebinding {name}-auth-delegator "
        f"--clusterrole=system:auth-delegator --serviceaccount={account}"
    )
    assert rbac_hints.to_read_settings(refused) == (
        f"kubectl create rolebinding -n kube-system {name}-auth-reader "
        f"--role=extension-apiserver-authentication-reader --serviceaccount={account}"
    )
    assert rbac_hints.to_watch(refused, resource="jobs.batch") == (
        f"kubectl create clusterrole {name}-watch-jobs.batch --verb=list,watch --resource=jobs.batch && "
        f"kubectl create clusterrolebinding {name}-watch-jobs.batch "
        f"--clusterrole={name}-watch-jobs.batch --serviceaccount={account}"
    )
