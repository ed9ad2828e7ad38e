"""Each guard is needed: a test fails where it is removed."""

from __future__ import annotations

import pytest

from .guards import GUARDS, ROOT, Guard, fails_without


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_each_guard_is_where_the_list_says(guard: Guard) -> None:
    assert (ROOT / guard.file).read_text("utf-8").count(guard.text) == 1
    assert (ROOT / guard.test.partition("::")[0]).exists()


@pytest.mark.long
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_test_fails_without_it(guard: Guard) -> None:
    assert fails_without(guard)
