"""Who else left a trace at a broken object: other modules, and only where the trace says something."""

import pytest

from lastwords.vmcore.blame import intruders as subject

from .fakes import CODE, OBJECT
from .modules import DATA, SIZE, ModulesDump, slab

BEFORE, BROKEN, AFTER = OBJECT, OBJECT + SIZE, OBJECT + 2 * SIZE
NOTHING = dict.fromkeys(range(OBJECT, OBJECT + 3 * SIZE, 8), 0)


@pytest.fixture
def found(monkeypatch):
    """The intruders of the broken object in such a dump."""

    def made(memory=(), variables=(), own="fan", cache="kmalloc-96", allocated=True):
        monkeypatch.setattr(subject, "slab_object", slab(cache, allocated))
        dump = ModulesDump({"print_ring": "c3"}, {**NOTHING, **dict(memory)}, {"fan.fans": 0, **dict(variables)})
        return [(each.module, each.symbol, each.how) for each in subject.intruders(dump.program, BROKEN + 8, own)]

    return made


def test_the_object_before_it_is_of_another_module(found):
    assert found({BEFORE: CODE}) == [("ring", "print_ring", "neighbour")]


def test_a_variable_of_another_module_points_to_it(found):
    assert found(variables={"pool.latest": BROKEN}) == [("pool", "latest", "pointer")]


@pytest.mark.parametrize(
    "memory",
    [
        {BEFORE: DATA + 0x1000},  # of the own module
        {BEFORE: DATA + 0x1000, BEFORE + 8: CODE},  # of the own module, and of another one
        {AFTER: CODE},  # behind it: nobody overruns backwards
        {BROKEN: CODE},
        {BEFORE: AFTER, BEFORE + 8: 0x6B6B6B6B6B6B6B6B, BEFORE + 16: 5},
    ],
    ids=["own", "own and another", "behind", "in it", "no module's"],
)
def test_neighbours_that_say_nothing(found, memory):
    assert found(memory) == []


def test_a_neighbour_that_several_modules_point_from_is_nobodys(found):
    assert found({BEFORE: CODE, BEFORE + 8: DATA + 0x2000}, {"pool.latest": 0}) == []


def test_a_free_neighbour_is_nobodys(found):
    assert found({BEFORE: CODE}, allocated=False) == []


@pytest.mark.parametrize(
    ("variables", "cache"),
    [
        ({"fan.own": BROKEN}, "kmalloc-96"),
        ({"pool.latest": AFTER}, "kmalloc-96"),
        ({"pool.latest": BROKEN}, "task_struct"),  # many point to a task by right
        ({"pool.__this_module": BROKEN}, "kmalloc-96"),
    ],
    ids=["own", "to another object", "a kind of object of the kernel's", "the module loader's"],
)
def test_pointers_that_say_nothing(found, variables, cache):
    assert found(variables=variables, cache=cache) == []


def test_what_is_no_slab_object(monkeypatch):
    monkeypatch.setattr(subject, "slab_object", slab())
    dump = ModulesDump({"print_ring": "c3"}, {}, {"pool.latest": OBJECT - 8})
    assert subject.intruders(dump.program, OBJECT - 8, None) == ()


def test_each_module_is_told_once(found):
    assert found({BEFORE: DATA + 0x2000}, {"pool.latest": BROKEN, "pool.oldest": BROKEN}) == [
        ("pool", "latest", "neighbour")
    ]
