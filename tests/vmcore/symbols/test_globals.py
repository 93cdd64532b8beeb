from lastwords.vmcore.symbols import globals as table


def test_no_variable_is_listed_twice():
    names = [name for row in table._VARIABLES.values() for name in row.split()]
    assert sorted(names) == sorted(set(names))


def test_lengths_that_are_not_known_are_left_out():
    known = {"NR_NODE_STATES": 6}
    assert table.with_lengths("nodemask_t[NR_NODE_STATES]", known.get) == "nodemask_t[6]"
    assert table.with_lengths("struct worker_pool[NR_STD]", known.get) == "struct worker_pool[]"
    assert table.with_lengths("struct rq", known.get) == "struct rq"
