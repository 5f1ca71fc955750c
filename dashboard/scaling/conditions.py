"""Findings from the HPA's conditions, where our own requests do not explain them."""

from collections.abc import Iterator

from dashboard.client import autoscaler
from dashboard.scaling import report

_REMEDIES = {
    "FailedGetScale": "Correct spec.scaleTargetRef, or create the object it refers to.",
    "InvalidSelector": "The scale subresource of the target must have the label selector of its pods.",
    "AmbiguousSelector": "Keep one HPA for these pods. One HPA can have several metrics.",
    "FailedUpdateScale": "Find out why the target cannot be updated: events, quotas, admission webhooks.",
}
_OF_THE_TARGET = {"FailedGetScale", "InvalidSelector"}
_CONTROLLER = (
    "Let the HPA controller read the API: bind a role with get and list on it to "
    "system:serviceaccount:kube-system:horizontal-pod-autoscaler."
)


def find(one: autoscaler.Autoscaler, *, has_pods: bool, has_values: bool) -> Iterator[report.Finding]:
    """The findings from one HPA's conditions.

    `reached` is whether we found the target and its pods, `answered` whether each metric had a value.
    """
    if not one.conditions:
        yield report.Finding(
            report.Severity.NOTE,
            "The HPA controller has not evaluated this HPA yet.",
            "Try again in 15 seconds. If nothing changes, check that kube-controller-manager runs.",
        )
    for condition in one.conditions:
        if condition.type not in ("AbleToScale", "ScalingActive") or condition.status != "False":
            continue
        if condition.reason == "ScalingDisabled":
            yield report.Finding(
                report.Severity.NOTE,
                "Autoscaling is off, because the target was scaled to 0 replicas.",
                f"Turn it on: kubectl scale -n {one.namespace} {one.target_ref} --replicas=1",
            )
        elif condition.reason in _REMEDIES and not (condition.reason in _OF_THE_TARGET and not has_pods):
            yield report.Finding(
                report.Severity.WRONG, _sentence(condition.message), _REMEDIES[condition.reason]
            )
        elif "is forbidden" in condition.message:
            yield report.Finding(report.Severity.WRONG, _sentence(condition.message), _CONTROLLER)
        elif has_values:
            yield report.Finding(
                report.Severity.WRONG,
                f"The HPA had no metrics at its last evaluation ({condition.reason}). Now there are values.",
                "Try again in 30 seconds. If it stays, the conditions of the HPA say why.",
            )


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:].rstrip(".") + "."
