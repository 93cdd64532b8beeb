"""All checks together: what they say of whole machines."""

import pytest

from lastwords.host.readiness import readiness

from .trees import DISTRIBUTIONS, Tree


def statuses(found):
    return {check.id: check.status for check in found.checks}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_ready_machine_is_ready(name, tmp_path):
    found = readiness(DISTRIBUTIONS[name](Tree(tmp_path)).root())
    wrong = [(check.id, check.status, check.value) for check in found.checks if check.status in ("fail", "warn")]
    expected = {"arch": ["last-dump"]}.get(name, [])
    assert [one[0] for one in wrong] == expected, wrong
    assert found.ready
    assert found.leaves == "dump"
    assert found.summary.startswith("ready: a crash now leaves a dump")
    assert found.host == "web7"
    assert not [check for check in found.checks if "the check failed" in check.value]
