import pytest

from apiservice.http import errors
from apiservice.request import list_options, selectors

NO_LABELS: frozenset[str] = frozenset()


def test_paging_and_versions_are_accepted() -> None:
    query = {
        "limit": "500",
        "continue": "opaque",
        "resourceVersion": "0",
        "resourceVersionMatch": "NotOlderThan",
        "timeoutSeconds": "30",
        "allowWatchBookmarks": "true",
        "unheard": "of",
    }
    assert list_options.selection(query, field_labels=NO_LABELS) == list_options.EVERYTHING


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("limit", "many", "use an integer"),
        ("limit", "1.5", "use an integer"),
        ("limit", "²", "use an integer"),
        ("timeoutSeconds", "10s", "use an integer"),
        ("watch", "perhaps", "use true or false"),
        ("allowWatchBookmarks", "yes", "use true or false"),
    ],
)
def test_a_malformed_parameter_is_refused_by_name(name: str, text: str, hint: str) -> None:
    with pytest.raises(errors.BadRequest, match=f'^invalid {name} "{text}": {hint}$'):
        list_options.selection({name: text}, field_labels=NO_LABELS)


def test_selectors_are_parsed_and_fields_checked() -> None:
    query = {"labelSelector": "a=b", "fieldSelector": "c=d"}
    found = list_options.selection(query, field_labels=frozenset({"c"}))
    assert found.labels == selectors.LabelSelector.parse("a=b")
    assert found.fields.value_of("c") == "d"
    with pytest.raises(errors.BadRequest, match="field label not supported: c"):
        list_options.selection(query, field_labels=NO_LABELS)


@pytest.mark.parametrize(
    ("query", "agent", "indented"),
    [
        ({}, "kubectl/v1.37", False),
        ({}, "curl/8", True),
        ({}, "Wget/1", True),
        ({}, "Mozilla/5.0 (X11)", True),
        ({"pretty": "true"}, "", True),
        ({"pretty": "1"}, "", True),
        ({"pretty": "0"}, "curl/8", False),
        ({"pretty": ""}, "curl/8", True),
    ],
)
def test_answers_are_indented_for_people_and_on_demand(
    query: dict[str, str], agent: str, indented: bool
) -> None:
    assert list_options.pretty(query, user_agent=agent) is indented


def test_a_malformed_pretty_is_refused() -> None:
    with pytest.raises(errors.BadRequest, match='invalid pretty "nicely"'):
        list_options.pretty({"pretty": "nicely"}, user_agent="")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 10),
        ("0", 10),
        ("0s", 10),
        ("2s", 2),
        ("1m", 10),
        ("1.5s", 1.5),
        ("1s500ms", 1.5),
        ("250ms", 0.25),
        ("1h", 10),
    ],
)
def test_a_timeout_can_only_shorten_the_deadline(text: str, seconds: float) -> None:
    assert list_options.deadline({"timeout": text}, longest=10) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "soon", "-1s", "1s ", "s", "١s"])
def test_a_malformed_timeout_is_refused(text: str) -> None:
    with pytest.raises(errors.BadRequest, match="use a duration such as 5s"):
        list_options.deadline({"timeout": text}, longest=10)


@pytest.mark.parametrize("text", ["None", "Metadata", "Object"])
def test_include_object_takes_the_values_of_kubernetes(text: str) -> None:
    assert list_options.include_object({"includeObject": text}).value == text


def test_include_object_is_metadata_unless_asked_otherwise() -> None:
    assert list_options.include_object({}) is list_options.IncludeObject.METADATA


def test_another_include_object_is_refused() -> None:
    with pytest.raises(errors.BadRequest, match='"metadata": use None, Metadata or Object'):
        list_options.include_object({"includeObject": "metadata"})
