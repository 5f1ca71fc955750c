"""H: health, version, metrics, and the filters around every request."""

import re

from tests.conformance import api, rows

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@rows.row("H1")
def test_health_is_ok_in_one_word(api: api.Api) -> None:
    for path in ("/healthz", "/livez", "/readyz"):
        reply = api.ask(path)
        assert (reply.status, reply.text) == (200, "ok")
        assert reply.content_type == "text/plain;charset=utf-8"


@rows.row("H1a")
def test_health_names_its_checks_when_asked(api: api.Api) -> None:
    reply = api.ask("/readyz?verbose")
    checks = re.findall(r"^\[\+\](\S+) ok$", reply.text, re.MULTILINE)

    assert "ping" in checks
    assert reply.text.rstrip().endswith("readyz check passed")
    for check in checks[:3]:
        assert api.ask(f"/readyz/{check}").text == "ok"
    assert "[+]ping excluded: ok" in api.ask("/readyz?verbose&exclude=ping").text
    assert api.ask("/readyz/there-is-no-such-check").status == 404


@rows.row("H2")
def test_the_version_is_served(api: api.Api) -> None:
    reply = api.read("/version")

    commit = {"gitVersion", "gitCommit", "gitTreeState"}
    assert {"major", "minor", "buildDate", "goVersion", "compiler", "platform"} | commit <= set(reply)
    assert reply["gitVersion"].startswith(f"v{reply['major']}.{reply['minor']}")


@rows.row("H3")
def test_requests_are_counted_for_prometheus(api: api.Api) -> None:
    api.ask(api.collection)
    reply = api.ask("/metrics")

    assert reply.status == 200
    assert reply.content_type.startswith("text/plain")
    counted = re.findall(r'^apiserver_request_total\{[^}]*code="200"[^}]*\} ', reply.text, re.MULTILINE)
    assert any(f'resource="{api.main.plural}"' in line and 'verb="list"' in line.lower() for line in counted)
    assert "apiserver_request_duration_seconds_bucket" in reply.text


@rows.row("H5")
def test_a_client_may_say_how_long_it_waits(api: api.Api) -> None:
    assert api.ask(api.collection, timeout="30s").status == 200
    assert api.ask(api.collection, timeout="soon").refusal(400)["reason"] == "BadRequest"


@rows.row("H7")
def test_every_request_has_an_audit_id_which_is_that_of_the_client_if_it_sent_one(api: api.Api) -> None:
    sent = "0c2ac2ef-7a34-4e2c-a1d2-4a7a2c9b1f55"
    reply = api.ask(api.collection, credential=api.subject.credential.bearing(Audit_ID=sent))

    assert reply.listed("Audit-Id") == {sent}
    assert re.fullmatch(_UUID, api.ask(api.collection).headers["Audit-Id"])
    assert re.fullmatch(_UUID, api.ask(f"{api.collection}/missing").headers["Audit-Id"])


@rows.row("H9")
def test_malformed_http_harms_no_other_client(api: api.Api) -> None:
    assert api.ask(f"{api.collection}/{'x' * 5000}").status in {400, 404, 414}
    assert api.ask(api.collection, labelSelector=",".join(["a=b"] * 3000)).status == 200
    assert api.ask(api.collection).status == 200
