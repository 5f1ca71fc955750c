"""C: every request that the OpenAPI document permits gets a documented answer, and never a 5xx."""

from typing import Any

import hypothesis
import schemathesis
from schemathesis.checks import content_type_conformance, not_a_server_error, response_schema_conformance
from schemathesis.core import result

from tests.conformance import api, rows

_CASES = 3
"""For each operation; the same in every run."""
_TRUE = [not_a_server_error, content_type_conformance, response_schema_conformance]


def _try(api: api.Api, operation: schemathesis.schemas.APIOperation[Any, Any, Any, Any]) -> None:
    presented = api.subject.credential
    certificate = (str(presented.certificate), str(presented.key)) if presented.certificate else None

    @hypothesis.settings(
        max_examples=_CASES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def answers(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(
            base_url=api.subject.url,
            headers=dict(presented.headers),
            checks=_TRUE,
            verify=str(api.subject.authority),
            cert=certificate,
        )

    answers()


@rows.row("C40")
def test_answers_are_what_the_openapi_document_says(api: api.Api) -> None:
    document = api.read(f"/openapi/v3{api.subject.root}")
    operations = list(schemathesis.openapi.from_dict(document).get_all_operations())

    assert operations
    for operation in operations:
        assert isinstance(operation, result.Ok), operation
        _try(api, operation.ok())
