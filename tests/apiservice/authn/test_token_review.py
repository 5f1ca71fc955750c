import asyncio
import gc
import json
from typing import Any

import pytest
from aiohttp import web

from apiservice.authn import authenticator, token_review
from apiservice.http import errors
from apiservice.kube import client
from tests.apiservice import cluster, presenting

TOKEN = "t0ken-of-sue"
SUE = {
    "authenticated": True,
    "user": {"username": "sue", "uid": "42", "groups": ["dev"], "extra": {"scopes": ["a", "b"]}},
}


def bearer(token: str = TOKEN) -> authenticator.Credentials:
    return presenting.present(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def tokens(kube: cluster.Cluster, kube_api: client.KubeApi) -> token_review.TokenReviewAuthenticator:
    kube.tokens = {TOKEN: SUE}
    return token_review.TokenReviewAuthenticator(kube_api)


async def test_the_kube_apiserver_says_whose_a_token_is(
    kube: cluster.Cluster, tokens: token_review.TokenReviewAuthenticator
) -> None:
    assert await tokens.authenticate(bearer()) == authenticator.User(
        name="sue", uid="42", groups=("dev",), extra={"scopes": ("a", "b")}
    )
    ((path, review),) = kube.asked
    assert path == cluster.TOKEN_REVIEWS
    assert review == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": TOKEN},
    }


async def test_a_user_may_have_nothing_but_a_name(
    kube: cluster.Cluster, tokens: token_review.TokenReviewAuthenticator
) -> None:
    kube.tokens[TOKEN] = {"authenticated": True, "user": {"username": "sue", "groups": None}}
    assert await tokens.authenticate(bearer()) == authenticator.User(name="sue")


async def test_a_token_of_nobody_is_refused(
    kube: cluster.Cluster, tokens: token_review.TokenReviewAuthenticator
) -> None:
    for _ in range(2):
        with pytest.raises(errors.Unauthorized, match="the bearer token is not valid"):
            await tokens.authenticate(bearer("wrong"))
    assert len(kube.asked) == 1


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer \udcff"])
async def test_a_token_that_cannot_be_one_is_refused_unasked(
    kube: cluster.Cluster, tokens: token_review.TokenReviewAuthenticator, header: str
) -> None:
    with pytest.raises(errors.Unauthorized, match="not valid"):
        await tokens.authenticate(presenting.present(headers={"Authorization": header}))
    assert kube.asked == []


async def test_another_credential_is_left_to_others(
    tokens: token_review.TokenReviewAuthenticator,
) -> None:
    presented = presenting.present(headers={"Authorization": "Basic x", "X-Remote-User": "root"})
    assert await tokens.authenticate(presented) is None


async def test_the_log_says_why_a_token_is_refused_and_nothing_of_the_token(
    kube: cluster.Cluster, tokens: token_review.TokenReviewAuthenticator, caplog: pytest.LogCaptureFixture
) -> None:
    reply = "[invalid bearer token, eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl has\nexpired, eyJpc3MiOi is of old]"
    for token in ("eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl", "eyJhbGciOi.eyJpc3MiOi.b3RoZXI"):
        kube.tokens[token] = {"authenticated": False, "error": reply.replace("c2lnbmF0dXJl", token[22:])}
        with pytest.raises(errors.Unauthorized):
            await tokens.authenticate(bearer(token))
    assert caplog.messages == [
        'a bearer token was not accepted: "[invalid bearer token, … has\\nexpired, … is of old]"'
    ]


async def test_whoever_presents_ever_other_tokens_does_not_fill_the_log(
    kube: cluster.Cluster, tokens: token_review.TokenReviewAuthenticator, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50):
        kube.tokens[f"token-{number}"] = {"authenticated": False, "error": f"not of audience {number}"}
        with pytest.raises(errors.Unauthorized):
            await tokens.authenticate(bearer(f"token-{number}"))
    assert len(caplog.messages) < 20


async def test_answers_are_remembered_for_ten_seconds(
    kube: cluster.Cluster, kube_api: client.KubeApi
) -> None:
    now = [0.0]
    kube.tokens = {TOKEN: SUE}
    tokens = token_review.TokenReviewAuthenticator(kube_api, clock=lambda: now[0])
    for now[0] in (0.0, 9.9):
        assert await tokens.authenticate(bearer()) is not None
    assert len(kube.asked) == 1
    del kube.tokens[TOKEN]
    now[0] = 10.0
    with pytest.raises(errors.Unauthorized):
        await tokens.authenticate(bearer())


async def test_no_token_is_kept(tokens: token_review.TokenReviewAuthenticator) -> None:
    await tokens.authenticate(bearer())
    reached, kept = [vars(tokens)], []
    seen: set[int] = set()
    while reached:
        one: Any = reached.pop()
        if id(one) in seen or isinstance(one, type | client.KubeApi):
            continue
        seen.add(id(one))
        kept.append(one)
        if isinstance(one, dict | list | tuple | set) or type(one).__module__.startswith("apiservice"):
            reached.extend(gc.get_referents(one))
    assert any(isinstance(one, authenticator.User) for one in kept)
    assert not [one for one in kept if isinstance(one, str | bytes) and TOKEN in str(one)]


async def test_one_token_presented_at_once_by_many_is_asked_about_once(
    kube: cluster.Cluster, tokens: token_review.TokenReviewAuthenticator
) -> None:
    kube.hold = asyncio.Event()
    asking = [asyncio.ensure_future(tokens.authenticate(bearer())) for _ in range(10)]
    await cluster.until(lambda: bool(kube.asked), what="asked")
    kube.hold.set()
    assert len(set(map(str, await asyncio.gather(*asking)))) == 1
    assert len(kube.asked) == 1


async def test_while_the_kube_apiserver_is_away_a_token_is_not_called_invalid(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with cluster.serve() as gone:
        pass
    async with cluster.ask(gone) as api:
        tokens = token_review.TokenReviewAuthenticator(api)
        with pytest.raises(errors.ServiceUnavailable, match="could not be checked") as refused:
            await tokens.authenticate(bearer())
        with pytest.raises(errors.ServiceUnavailable):
            await tokens.authenticate(bearer())
    assert "Retry-After" not in refused.value.headers
    assert gone.url not in refused.value.message
    (line,) = caplog.messages
    assert "no bearer token can be checked" in line


async def test_a_failure_to_ask_is_not_remembered(
    kube: cluster.Cluster, tokens: token_review.TokenReviewAuthenticator
) -> None:
    kube.faults = [cluster.refusal(503, "starting") for _ in range(5)]
    with pytest.raises(errors.ServiceUnavailable):
        await tokens.authenticate(bearer())
    assert await tokens.authenticate(bearer()) is not None


async def test_who_may_not_ask_is_told_the_command_that_allows_it(
    kube: cluster.Cluster,
    tokens: token_review.TokenReviewAuthenticator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kube.faults = [cluster.refusal(403, cluster.WHO)]
    with pytest.raises(errors.ServiceUnavailable):
        await tokens.authenticate(bearer())
    assert "--clusterrole=system:auth-delegator --serviceaccount=mesh:traffic" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"status": []},
        {"status": {"authenticated": True}},
        {"status": {"authenticated": True, "user": {"username": ""}}},
        {"status": {"authenticated": True, "user": {"username": "sue", "groups": "dev"}}},
        {"status": {"authenticated": True, "user": {"username": "sue", "groups": [1]}}},
        {"status": {"authenticated": True, "user": {"username": "sue", "extra": ["a"]}}},
        {"status": {"authenticated": True, "user": {"username": "sue", "extra": {"a": "b"}}}},
    ],
)
async def test_an_answer_that_makes_no_sense_lets_nobody_in(
    kube: cluster.Cluster, tokens: token_review.TokenReviewAuthenticator, answer: dict[str, Any]
) -> None:
    kube.faults = [web.json_response(answer)]
    with pytest.raises(errors.ServiceUnavailable):
        await tokens.authenticate(bearer())


@pytest.mark.parametrize("reply", ["true", 1, None, False])
async def test_only_a_plain_yes_is_a_yes(
    kube: cluster.Cluster, tokens: token_review.TokenReviewAuthenticator, reply: Any
) -> None:
    kube.tokens[TOKEN] = {**SUE, "authenticated": reply}
    with pytest.raises(errors.Unauthorized):
        await tokens.authenticate(bearer())


@pytest.mark.parametrize(("audiences", "valid"), [(["us", "x"], True), (["x"], False), ([], False)])
async def test_a_token_must_be_for_one_of_the_audiences(
    kube: cluster.Cluster,
    kube_api: client.KubeApi,
    caplog: pytest.LogCaptureFixture,
    audiences: list[str],
    valid: bool,
) -> None:
    kube.tokens = {TOKEN: {**SUE, "audiences": audiences}}
    tokens = token_review.TokenReviewAuthenticator(kube_api, audiences=["us", "them"])
    if valid:
        assert await tokens.authenticate(bearer()) is not None
    else:
        with pytest.raises(errors.Unauthorized):
            await tokens.authenticate(bearer())
        assert f"it is for the audiences {json.dumps(audiences)}" in caplog.text
    assert kube.asked[0][1]["spec"]["audiences"] == ["us", "them"]


async def test_no_more_answers_are_kept_than_allowed(kube: cluster.Cluster, kube_api: client.KubeApi) -> None:
    kube.tokens = {"a": SUE, "b": SUE, "c": SUE}
    tokens = token_review.TokenReviewAuthenticator(kube_api, most=2, clock=lambda: 0.0)
    for token in "abcabc":
        assert await tokens.authenticate(bearer(token)) is not None
    assert len(kube.asked) == 6
