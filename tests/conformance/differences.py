"""Where a row of the contract does not hold on one of the ways, and why. This is data, and documented."""

from collections.abc import Iterable, Mapping

from tests.conformance.subject import Way

_ALONE = (Way.TOY, Way.STANDALONE)
_OURS = (Way.TOY, Way.STANDALONE, Way.PAST)
_KUBERNETES = (Way.AGGREGATED, Way.BUILT_IN)


def _everywhere(why: str, ways: Iterable[Way], *names: str) -> dict[tuple[str, Way], str]:
    return {(name, way): why for name in names for way in ways}


DIFFERENCES: Mapping[tuple[str, Way], str] = {
    **_everywhere(
        "without a cluster there is one user, known by a token, who may do everything",
        _ALONE,
        *("D7", "D8", "E3", "E3a", "E4c", "E7a", "X1", "X2", "X5", "X6", "X8", "X10"),
        *("Z2", "Z3", "Z3a", "Z4", "Z4a", "Z5", "C10"),
    ),
    **_everywhere(
        "OpenAPI v2 is there in JSON alone, which is what the aggregation layer asks for",
        _OURS,
        "O1b",
    ),
    **_everywhere(
        "past the kube-apiserver it is the front proxy that says who is asking",
        (Way.PAST,),
        *("X10", "C10"),
    ),
    **_everywhere("the kube-apiserver counts what it answers itself", (Way.AGGREGATED,), "H3"),
    **_everywhere(
        "a namespace that does not exist is a 404 that says so (decision 13); one without traffic has an"
        " empty list",
        (Way.STANDALONE, Way.PAST, Way.AGGREGATED),
        "L6a",
    ),
    **_everywhere("what is built in can be watched and written", (Way.BUILT_IN,), "L5", "C6", "E5"),
    **_everywhere(
        "not tried: the demo mesh has no answer that large",
        (Way.STANDALONE, Way.PAST, Way.AGGREGATED),
        "N9a",
    ),
    **_everywhere("what is built in answers a HEAD for an object with 405", (Way.BUILT_IN,), "E6"),
    **_everywhere("not tried: what is built in would be written to", (Way.BUILT_IN,), "C40"),
    **_everywhere(
        "not tried: these clients look for the name of a Service in DNS",
        (Way.PAST,),
        *("C30", "C31", "C32", "C40"),
    ),
    **_everywhere(
        "not tried: somebody else's API need not have large answers or parts of namespaces, we have no"
        " front proxy's identity there, and nobody said that it may be written to",
        (Way.GIVEN,),
        *("D7", "D8", "X2", "X5", "Z4a", "N9a", "C40"),
    ),
    **_everywhere("some fields of Kubernetes' own are hardly described", (Way.BUILT_IN,), "O4a", "C9"),
    **_everywhere("no namespaces are among these resources", (Way.BUILT_IN,), "Z4a"),
}
