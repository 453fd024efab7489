"""A child process that another thread ended is one that died, not a fault."""

from __future__ import annotations

import pytest

from interpviz.data.child import Child, ChildFailed


def test_a_process_that_was_ended_fails_whoever_still_speaks_to_it() -> None:
    child = Child("interpviz.data.shard_child")
    child.end()
    with pytest.raises(ChildFailed):
        child.tell({"block": []})
    with pytest.raises(ChildFailed):
        child.hear()
