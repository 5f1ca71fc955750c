"""What the HPA says of itself → findings, where our own questions do not say it better."""

from collections.abc import Iterator

from dashboard.client import autoscaler
from dashboard.scaling import report

_TODO = {
    "FailedGetScale": "Correct spec.scaleTargetRef, or make what it names.",
    "InvalidSelector": "The target must tell the selector of its pods in its scale subresource.",
    "AmbiguousSelector": "Keep one HPA for these pods; one HPA can have several metrics.",
    "FailedUpdateScale": "See why the target cannot be written: its events, quotas, admission webhooks.",
}
_OF_THE_TARGET = {"FailedGetScale", "InvalidSelector"}
_CONTROLLER = (
    "Let the HPA controller read the API: give system:serviceaccount:kube-system:horizontal-pod-autoscaler a "
    "role with get and list on it."
)


def find(one: autoscaler.Autoscaler, *, reached: bool, answered: bool) -> Iterator[report.Finding]:
    """`reached`: whether the target and its pods were found here; `answered`: whether each metric was."""
    if not one.conditions:
        yield report.Finding(
            report.Weight.NOTE,
            "The HPA controller has not looked at this HPA yet.",
            "Ask again in 15 seconds. If that stays, see whether kube-controller-manager runs.",
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
                f"At its last look the HPA got no figures ({condition.reason}); now there are some.",
                "Ask again in 30 seconds: if that stays, its own words below say why.",
            )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."
