"""The settings in docs/standalone.md and in `--help` are those of `Settings`."""

import click
import pytest

from metrics_server import __main__ as command
from metrics_server.settings import options, settings
from tests.deploy import settings_table

_EVERY = tuple(options.every())


def test_the_page_shows_every_setting() -> None:
    assert settings_table.FILE.read_text() == settings_table.written(), "run: python -m tests.deploy"


@pytest.mark.parametrize("one", _EVERY, ids=lambda one: one.name)
def test_a_setting_is_described(one: options.Option) -> None:
    assert one.description[:1].isupper(), "a docstring under the field"
    assert one.description.endswith(".")
    assert "|" not in one.description, "it is a cell of a table"
    assert len(one.help) < 140, "the first sentence is the help text"
    assert "](" not in one.help, "a terminal shows no links"


def test_every_setting_is_an_option_of_serve_and_no_option_is_anything_else() -> None:
    taken = {one.name: one for one in command.serve.params}

    assert list(taken) == list(settings.Settings.model_fields)
    for one in _EVERY:
        given = taken[one.name]
        assert isinstance(given, click.Option)
        assert (*given.opts, *given.secondary_opts) == one.names
        assert given.default is None, "an option that is not given must not hide its variable"
        assert given.help == one.help


def test_check_takes_the_settings_about_what_is_read() -> None:
    own = {"window", "namespace", "learn", "metric"}
    taken = {one.name for one in command.check.params} - own

    about_prometheus = {one.name for one in _EVERY if one.name.startswith("prometheus")}
    assert taken == about_prometheus | {"answer_limit", "profile", "profile_pack", "inventory"}


def test_a_variable_is_the_one_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAFFIC_PROMETHEUS", "http://prometheus:9090")
    (window,) = (one for one in _EVERY if one.name == "window")
    monkeypatch.setenv(window.variable, "61")

    assert settings.load().window == 61
