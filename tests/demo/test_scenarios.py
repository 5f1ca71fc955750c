import pytest

from demo import faults, scenarios, shop


def test_all_six_are_there() -> None:
    assert set(scenarios.SCENARIOS) == {"steady", "surge", "reports", "failing", "slow", "quiet"}


def test_an_unknown_one_is_refused_with_the_names_of_the_known() -> None:
    with pytest.raises(faults.DemoError, match="no scenario 'storm'; there are steady, surge"):
        scenarios.named("storm")


def test_a_dial_begins_at_steady_and_leaves_workloads_as_they_are() -> None:
    dial = scenarios.Dial()
    for each in shop.SHOP.workloads:
        assert dial.failing(each) == each.failing
        assert dial.slower(each) == 1.0


def test_failing_is_about_payments_alone() -> None:
    dial = scenarios.Dial(scenarios.named("failing"))
    changed = {each.name for each in shop.SHOP.workloads if dial.failing(each) != each.failing}
    assert changed == {shop.PAYMENTS}


def test_slow_is_about_the_database_alone() -> None:
    dial = scenarios.Dial(scenarios.named("slow"))
    assert {each.name for each in shop.SHOP.workloads if dial.slower(each) > 1} == {shop.DB}


def test_reports_leaves_the_outside_as_it_is() -> None:
    assert (scenarios.named("reports").load, scenarios.named("reports").beats) == (1.0, 20.0)


def test_surge_triples_the_load_and_quiet_ends_it() -> None:
    assert scenarios.named("surge").load == 3.0
    assert scenarios.named("quiet").load == 0.0
