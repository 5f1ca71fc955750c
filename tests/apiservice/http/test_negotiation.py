import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiservice.http import errors, negotiation
from tests.apiservice import asking

META = "g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        (" , ", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/yaml", "application/yaml"),
        ("application/vnd.kubernetes.protobuf, */*", "application/json"),
        ("application/vnd.kubernetes.protobuf,application/json", "application/json"),
        ("application/json;q=0.2, application/yaml;q=0.9", "application/yaml"),
        ("*/*, application/yaml", "application/yaml"),
        ("application/yaml;q=0, application/json;q=0.1", "application/json"),
        ("application/yaml;q=nan, application/json;q=0.1", "application/json"),
        (asking.KUBECTL, f"application/json;{META};v=v1;as=Table"),
        (f"application/json;as=Table;v=v1beta1;{META}", f"application/json;{META};v=v1beta1;as=Table"),
        (f"application/yaml;as=Table;v=v1;{META}", f"application/yaml;{META};v=v1;as=Table"),
        (f"application/json;as=Table;v=v9;{META},application/json", "application/json"),
        (
            f"application/json;as=PartialObjectMetadataList;v=v1;{META}",
            f"application/json;{META};v=v1;as=PartialObjectMetadataList",
        ),
    ],
)
def test_the_best_clause_that_can_be_served_wins(accept: str, media_type: str) -> None:
    assert negotiation.choose(accept, offers=negotiation.LIST_OFFERS).media_type == media_type


@pytest.mark.parametrize(
    "accept",
    [
        "application/vnd.kubernetes.protobuf",
        "text/html",
        "json",
        "application/json;q=0",
        "application/json;as=Table",
        f"application/json;as=Table;v=v2;{META}",
        f"application/json;as=PartialObjectMetadata;v=v1;{META}",
    ],
)
def test_nothing_acceptable_is_a_406_that_lists_what_there_is(accept: str) -> None:
    with pytest.raises(errors.NotAcceptable, match=r"accepted: application/json, application/yaml, "):
        negotiation.choose(accept, offers=negotiation.LIST_OFFERS)


@given(st.text(alphabet='aplictonj/*;q=0.,19"Table vg', max_size=40))
def test_any_header_is_answered_with_an_offer_or_a_406(accept: str) -> None:
    try:
        offer = negotiation.choose(accept, offers=negotiation.OBJECT_OFFERS)
    except errors.NotAcceptable:
        return
    assert offer in negotiation.OBJECT_OFFERS


def test_a_header_too_long_to_be_remembered_is_understood_all_the_same() -> None:
    accept = ",".join(["text/html"] * 300 + ["application/yaml"])
    assert negotiation.choose(accept, offers=negotiation.LIST_OFFERS).subtype == "yaml"
