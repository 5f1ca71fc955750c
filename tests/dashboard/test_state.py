"""The URL holds the whole state of the page; a wrong value in it is ignored."""

import hypothesis
from hypothesis import strategies as st

from dashboard.web import state

_WORDS = st.text(max_size=12)
_NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
_STATES = st.builds(
    state.State,
    namespaces=st.lists(_NAMES, unique=True, max_size=3).map(lambda names: tuple(sorted(names))),
    window=st.sampled_from(state.WINDOWS),
    kind=st.sampled_from(sorted(state.KINDS)),
    refresh=st.sampled_from(sorted(state.REFRESHES)),
    find=st.sampled_from(state.FINDS),
    view=st.sampled_from(state.VIEWS),
    grouping=st.sampled_from(state.GROUPINGS),
    search=_WORDS,
    selected=_WORDS,
)


@hypothesis.given(_STATES)
def test_a_state_comes_back_from_its_address(seen: state.State) -> None:
    assert state.parse(state.query_string(seen)) == seen


@hypothesis.given(st.text())
def test_any_address_at_all_is_some_state(address: str) -> None:
    assert isinstance(state.parse(address), state.State)


def test_the_usual_state_has_an_empty_address() -> None:
    assert state.query_string(state.State()) == ""
    assert state.parse(None) == state.State()


def test_what_an_address_says_wrongly_counts_as_unsaid() -> None:
    assert state.parse("?window=3y&kind=unicorns&view=table") == state.State(view="table")


def test_only_what_the_api_must_be_asked_is_part_of_the_question() -> None:
    one = state.State(namespaces=("shop",), window="5m", kind="pods", selected="x", search="y", view="table")
    assert one.graph_request == state.GraphRequest(namespaces=("shop",), window="5m", kind="pods")
