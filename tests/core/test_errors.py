"""Errors that a user may see."""

import pytest

from core.errors import UserError, needing


class OwnError(UserError):
    pass


def test_a_package_that_is_missing_is_told_with_the_cure():
    with pytest.raises(OwnError, match=r"^maps needs .*no_such_package.*: python -m pip install -r more\.txt$"):
        with needing("more.txt", "maps", OwnError):
            import no_such_package  # noqa: F401


def test_other_failures_pass():
    with pytest.raises(KeyError), needing("more.txt", "maps"):
        raise KeyError("other")
