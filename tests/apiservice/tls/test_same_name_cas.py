from datetime import timedelta

from apiservice.tls import same_name_cas
from apiservice.x509 import issue
from tests.apiservice import pki


def made(name: str, *, days_ago: int = 0) -> bytes:
    found = issue.authority(name=name, now=pki.NOW - days_ago * pki.DAY, life=timedelta(days=30))
    return pki.Identity(key=found.key, certificate=found.certificate).der


def test_where_each_name_is_there_once_there_is_nothing_to_select() -> None:
    assert same_name_cas.selections([]) == []
    assert same_name_cas.selections([made("a"), made("b")]) == []


def test_each_is_in_some_selection_and_the_newest_come_first() -> None:
    old, new, newest = made("a", days_ago=2), made("a", days_ago=1), made("a")
    other, another = made("b", days_ago=1), made("b")
    alone = made("c")
    found = same_name_cas.selections([old, other, newest, alone, new, another])
    assert found == [newest + another + alone, new + other + alone, old + another + alone]
