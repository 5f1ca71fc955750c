"""Findings from the HPA's conditions, where our own requests do not explain them."""

from collections.abc import Iterator

from dashboard.client import autoscaler
from dashboard.scaling import report

_TODO = {
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


def find(one: autoscaler.Autoscaler, *, reached: bool, answered: bool) -> Iterator[report.Finding]:
    """The findings from one HPA's conditions.

    `reached` is whether we found the target and its pods, `answered` whether each metric had a value.
    """
    if not one.conditions:
        yield report.Finding(
            report.Weight.NOTE,
            "The HPA controller has not evaluated this HPA yet.",
            "Try again in 15 seconds. If nothing changes, check that kube-controller-manager runs.",
        )
    for condition in one.conditions:
        if condition.sort not in ("AbleToScale", "ScalingActive") or condition.status != "False":
            continue
        if condition.reason == "ScalingDisabled":
            yield report.Finding(
                report.Weight.NOTE,
                "Autoscaling is off, because the target was scaled to 0 replicas.",
                f"Turn it on: kubectl scale -n {one.namespace} {one.scales} --replicas=1",
            )
        elif condition.reason in _TODO and not (condition.reason in _OF_THE_TARGET and not reached):
            yield report.Finding(report.Weight.WRONG, _sentence(condition.message), _TODO[condition.reason])
        elif "is forbidden" in condition.message:
            yield report.Finding(report.Weight.WRONG, _sentence(condition.message), _CONTROLLER)
        elif answered:
            yield report.Finding(
                report.Weight.WRONG,
                f"The HPA had no metrics at its last evaluation ({condition.reason}). Now there are values.",
                "Try again in 30 seconds. If it stays, the conditions of the HPA say why.",
            )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."
