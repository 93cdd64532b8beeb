"""The recorded console of every case, read again: is the crash named as its recipe says?"""

from pathlib import Path

import pytest

from lastwords.klog.inputs import find
from lastwords.klog.scan import scan
from lastwords.lab import Answer, all_cases, case

LOGS = Path(__file__).parent / "logs"
RECORDED = sorted(path.relative_to(LOGS).with_suffix("") for path in LOGS.glob("*/*.log"))


def first_oops(log: Path) -> Answer:
    (source,) = find([str(log)])
    oops = scan(source).oopses[0]
    return Answer(kind=oops.kind, title=oops.title, function=oops.function, module=oops.module)


# Where the reader gives another answer than the case's source does. A reader that learns it fails here (strict xfail):
# then take the entry out.
READER_IS_WRONG: dict[str, str] = {}


@pytest.mark.parametrize("name", RECORDED, ids=str)
def test_crash_is_named(name, request):
    if reason := READER_IS_WRONG.get(name.name) or READER_IS_WRONG.get(str(name)):
        request.applymarker(pytest.mark.xfail(reason=reason))
    known = case(name.name).known_answer(name.parent.name)
    assert first_oops(LOGS / f"{name}.log") == known


@pytest.mark.parametrize("recipe", all_cases(), ids=lambda recipe: recipe.name)
def test_every_case_is_recorded(recipe):
    assert (LOGS / recipe.kernels[0] / f"{recipe.name}.log").exists()


def test_example_is_the_worked_case():
    log = Path(__file__).parents[2] / "examples" / "storage_mod.log"
    assert first_oops(log) == case("storage-mod").answer
    assert log.read_text().count("DMA mapping error, tag") >= 5


@pytest.mark.parametrize("kernel", ["6.12", "backports"])
def test_what_newer_kernels_say_above_their_report_of_a_slab(kernel):
    (source,) = find([str(LOGS / kernel / "red-zone.log")])
    oops = scan(source).oopses[0]
    assert oops.title == "BUG: Object corrupt in set_name"
    assert oops.alternative_titles[-1] == "BUG: Right Redzone overwritten in set_name"
