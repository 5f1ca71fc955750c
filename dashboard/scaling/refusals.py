"""An answer without figures → what is wrong, and what to do.

The server's own words come first, because they are what `kubectl describe hpa` shows too.
"""

from dashboard.client import cluster, connection, measures
from dashboard.scaling import report, servers, target_checks

_CONTROLLER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
_SWITCH = (
    "Turn on the autoscaler's APIs of TrafficMetrics (docs/autoscaling.md), or install the adapter that this "
    "metric comes from."
)
HOLDS = "Until that changes, the HPA keeps its replicas."


def nobody(group: str) -> report.Finding:
    """No APIService of the group."""
    return report.Finding(report.Weight.WRONG, f"Nobody serves {group} in this cluster.", _SWITCH)


def silent(question: measures.Question, known: servers.Servers) -> report.Finding:
    """No answer in time."""
    return _away(question, known.owner(question.group))


def explain(
    answer: connection.Answer, question: measures.Question, *, metric: str, known: servers.Servers
) -> report.Finding:
    """Why there is no figure."""
    owner = known.owner(question.group)
    if answer.status == 503 and not answer.told:  # it is the kube-apiserver that has no words
        return _away(question, owner)
    told = answer.told or f"The server answered {answer.status} without words."
    if owner and answer.status == 404 and target_checks.is_ours(metric) and known.is_foreign(question.group):
        return report.Finding(
            report.Weight.WRONG,
            f"{told} – {question.group} belongs to {owner.service} here, not to TrafficMetrics.",
            "A cluster has one owner of this API: see “One owner” in docs/autoscaling.md.",
        )
    return report.Finding(report.Weight.WRONG, told, _todo(answer, question))


def _away(question: measures.Question, owner: cluster.Registration | None) -> report.Finding:
    if owner is None:
        return report.Finding(
            report.Weight.WRONG,
            f"{question.group} is registered, but its server does not answer.",
            f"See which it is: kubectl get apiservices | grep {question.group}",
        )
    namespace = owner.service.partition("/")[0]
    reason = f" ({owner.complaint})" if owner.complaint else ""
    return report.Finding(
        report.Weight.WRONG,
        f"{question.group} is served by {owner.service}, which does not answer{reason}.",
        f"See why: kubectl get pods -n {namespace}",
    )


def _todo(answer: connection.Answer, question: measures.Question) -> str:
    match answer.status:
        case 400:
            return "Correct metric.selector in the HPA."
        case 403 if "is forbidden: User" in answer.told:
            return (
                f"This is about you, not about the HPA, which asks as {_CONTROLLER}. To see its figures you "
                f"need the right to read {question.group}."
            )
        case 403:
            return "Correct metric.selector in the HPA."
        case 404 if "could not find" in answer.told or "did you mean" in answer.told:
            return "Correct the name in the HPA."
        case 404 | 503:
            return HOLDS
    return "Look into the log of the server that answers."
