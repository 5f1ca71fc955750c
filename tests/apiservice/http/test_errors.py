import pytest

from apiservice.http import errors, status


def kinds(root: type[errors.StatusError] = errors.StatusError) -> list[type[errors.StatusError]]:
    return [kind for child in root.__subclasses__() for kind in (child, *kinds(child))]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_refusal_is_drawn_in_the_docstring_with_its_code(kind: type[errors.StatusError]) -> None:
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        words = line.strip("│ ├└─").split()
        if len(words) > 1 and words[1].isdigit():
            drawn[words[0]] = words[1]
    assert drawn[kind.__name__] == str(kind.code)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_a_refusal_has_the_reason_kubernetes_has_for_its_name(kind: type[errors.StatusError]) -> None:
    assert kind.reason == kind.__name__


def test_a_status_says_what_of_which_object() -> None:
    error = errors.NotFound("no kiwi", details={"group": "g", "kind": "fruits", "name": "kiwi"})
    assert status.render(error) == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "no kiwi",
        "reason": "NotFound",
        "details": {"group": "g", "kind": "fruits", "name": "kiwi"},
        "code": 404,
    }


def test_a_status_without_details_has_no_empty_ones() -> None:
    assert "details" not in status.render(errors.BadRequest("no"))


def test_a_401_says_which_credential_is_wanted() -> None:
    assert errors.Unauthorized().headers == {"WWW-Authenticate": "Bearer"}


def test_a_405_says_which_methods_there_are() -> None:
    assert errors.MethodNotAllowed("no").headers == {"Allow": "GET, HEAD"}
