"""Findings for answers without metric values.

The server's message comes first, because `kubectl describe hpa` shows the same.
"""

from dashboard.client import cluster, connection, measures
from dashboard.scaling import api_services, report, target_checks

_CONTROLLER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
_SWITCH = (
    "Turn on the autoscaling APIs of TrafficMetrics (docs/autoscaling.md), or install the adapter of "
    "this metric."
)
KEEPS_REPLICAS = "Without a value, the HPA keeps its replicas."


def unserved_group(group: str) -> report.Finding:
    """The finding for a group that is not served."""
    return report.Finding(report.Severity.WRONG, f"No server provides {group} in this cluster.", _SWITCH)


def no_answer(request: measures.ApiRequest, services: api_services.ApiServices) -> report.Finding:
    """The finding for a request that had no answer in time."""
    return _unavailable(request, services.find(request.group))


def explain(
    answer: connection.ApiAnswer,
    request: measures.ApiRequest,
    *,
    metric: str,
    services: api_services.ApiServices,
) -> report.Finding:
    """The finding for an answer that is an error."""
    owner = services.find(request.group)
    if answer.status == 503 and not answer.message:  # the kube-apiserver's own 503 has no Status
        return _unavailable(request, owner)
    message = answer.message or f"The server answered {answer.status} without a message."
    if (
        owner
        and answer.status == 404
        and target_checks.is_ours(metric)
        and services.is_foreign(request.group)
    ):
        return report.Finding(
            report.Severity.WRONG,
            f"{message} – {request.group} belongs to {owner.service} here, not to TrafficMetrics.",
            "Only one server can own this API: see “One owner” in docs/autoscaling.md.",
        )
    return report.Finding(report.Severity.WRONG, message, _remedy(answer, request))


def _unavailable(request: measures.ApiRequest, owner: cluster.ApiService | None) -> report.Finding:
    if owner is None:
        return report.Finding(
            report.Severity.WRONG,
            f"{request.group} is registered, but its server does not answer.",
            f"Find it with: kubectl get apiservices | grep {request.group}",
        )
    namespace = owner.service.partition("/")[0]
    reason = f" ({owner.unavailable_reason})" if owner.unavailable_reason else ""
    return report.Finding(
        report.Severity.WRONG,
        f"{request.group} is served by {owner.service}, which does not answer{reason}.",
        f"Check its pods: kubectl get pods -n {namespace}",
    )


def _remedy(answer: connection.ApiAnswer, request: measures.ApiRequest) -> str:
    match answer.status:
        case 400:
            return "Correct metric.selector in the HPA."
        case 403 if "is forbidden: User" in answer.message:
            return (
                f"This concerns your own rights, not the HPA, which uses {_CONTROLLER}. To see its "
                f"metrics you need the right to read {request.group}."
            )
        case 403:
            return "Correct metric.selector in the HPA."
        case 404 if "could not find" in answer.message or "did you mean" in answer.message:
            return "Correct the name in the HPA."
        case 404 | 503:
            return KEEPS_REPLICAS
    return "See the log of the metrics server."
