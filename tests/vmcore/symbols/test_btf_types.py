import drgn
import pytest
from drgn import TypeKind

from lastwords.vmcore.symbols.btf import Btf
from lastwords.vmcore.symbols.btf_finder import BtfFinder
from lastwords.vmcore.symbols.btf_format import BtfError, Kind
from lastwords.vmcore.symbols.btf_types import BtfTypes

from .btf_writer import BtfWriter

X86_64 = drgn.Platform(drgn.Architecture.X86_64)


def program(*blobs, symbols=()):
    """A program whose types and objects come from these blobs, the first the kernel's."""
    prog = drgn.Program(X86_64)
    kernel = BtfTypes(prog, blobs[0])
    types = [kernel, *(BtfTypes(prog, blob, kernel) for blob in blobs[1:])]
    finder = BtfFinder(types)
    prog.register_type_finder("btf", finder.find_type, enable_index=0)
    prog.register_object_finder("btf", finder.find_object, enable_index=0)
    functions = ("answer", "vmemmap_populate")
    kinds = {True: drgn.SymbolKind.FUNC, False: drgn.SymbolKind.OBJECT}
    found = [
        drgn.Symbol(name, address, 8, drgn.SymbolBinding.GLOBAL, kinds[name in functions]) for name, address in symbols
    ]
    prog.register_symbol_finder("test", drgn.SymbolIndex(found), enable_index=0)
    return prog


def kernel_writer():
    w = BtfWriter()
    w.integer("int", 4, signed=True)
    w.integer("unsigned int", 4)
    w.integer("unsigned long", 8)
    w.integer("char", 1, signed=True)
    w.integer("_Bool", 1, boolean=True)
    return w


INT, UNSIGNED, LONG, CHAR, BOOL = range(1, 6)


def test_a_struct_with_all_that_c_has():
    w = kernel_writer()
    inner = w.struct("", 8, [("low", UNSIGNED, 0, 0), ("high", UNSIGNED, 32, 0)])
    node = w.next + 1
    pointer = w.add(Kind.PTR, value=node)
    assert node == w.next
    w.struct(
        "node",
        32,
        [
            ("next", pointer, 0, 0),
            ("", inner, 64, 0),
            ("on", UNSIGNED, 128, 1),
            ("mode", UNSIGNED, 129, 3),
            ("ready", BOOL, 160, 0),
            ("data", w.next + 1, 192, 0),
        ],
        flag=True,
    )
    w.add(Kind.ARRAY, words=(CHAR, LONG, 0))
    prog = program(Btf(w.bytes()))

    assert prog.type("struct node").type_name() == "struct node"
    one = drgn.Object.from_bytes_(
        prog, "struct node", bytes(8) + b"\1\0\0\0\2\0\0\0" + b"\x0b\0\0\0\1\0\0\0" + b"name\0\0\0\0"
    )
    assert one.low == 1
    assert one.high == 2
    assert one.on == 1
    assert one.mode == 5
    assert one.ready.value_() is True
    assert prog.type("struct node").member("next").type.type.type_name() == "struct node"
    assert prog.type("struct node").member("data").type.length is None
    assert drgn.offsetof(prog.type("struct node"), "high") == 12


def test_qualifiers_functions_and_typedefs():
    w = kernel_writer()
    constant = w.add(Kind.CONST, value=CHAR)
    tagged = w.add(Kind.TYPE_TAG, "user", constant)
    text = w.add(Kind.PTR, value=tagged)
    printer = w.prototype(INT, [("format", text), ("", 0)])
    callback = w.add(Kind.PTR, value=printer)
    w.add(Kind.TYPEDEF, "printer_t", callback)
    prog = program(Btf(w.bytes()))
    assert prog.type("printer_t").type.type_name() == "int (*)(const char *format, ...)"


def test_a_forward_declaration_leads_to_the_definition_in_the_kernel():
    w = kernel_writer()
    w.struct("device", 4, [("id", INT, 0, 0)])
    kernel = Btf(w.bytes())
    m = BtfWriter(first=kernel.end, first_string=len(w.strings))
    forward = m.add(Kind.FWD, w.name("device"))
    unknown = m.add(Kind.FWD, "nowhere", flag=True)
    one = m.add(Kind.PTR, value=forward)
    other = m.add(Kind.PTR, value=unknown)
    m.struct("lab", 16, [("device", one, 0, 0), ("other", other, 64, 0)])
    prog = program(kernel, Btf(m.bytes(), kernel))
    lab = prog.type("struct lab")
    assert lab.member("device").type.type.is_complete()
    assert not lab.member("other").type.type.is_complete()
    assert lab.member("other").type.type.kind == TypeKind.UNION


def test_constants_variables_and_functions():
    w = kernel_writer()
    w.enum("pid_type", 4, [("PIDTYPE_PID", 0), ("PIDTYPE_TGID", 1)])
    w.enum("huge", 8, [("HUGE", 1 << 40)])
    w.enum("nr", 4, [("NR_NODE_STATES", 6)])
    nodemask = w.struct("", 8, [("bits", LONG, 0, 0)])
    w.add(Kind.TYPEDEF, "nodemask_t", nodemask)
    w.add(Kind.VAR, "counter", LONG, (1,))
    w.add(Kind.FUNC, "answer", w.prototype(INT, []), length=1)
    symbols = [("counter", 0x100), ("answer", 0x200), ("nr_cpu_ids", 0x300), ("node_states", 0x400)]
    symbols.append(("vmemmap_populate", 0x500))
    prog = program(Btf(w.bytes()), symbols=symbols)
    assert prog.constant("PIDTYPE_TGID").value_() == 1
    assert prog.constant("HUGE").value_() == 1 << 40
    assert prog["counter"].address_ == 0x100
    assert prog.function("answer").address_ == 0x200
    assert prog["nr_cpu_ids"].type_.type_name() == "unsigned int"
    assert len(prog["node_states"]) == 6
    # drgn asks whether a function exists, also for one that BTF doesn't describe.
    assert prog.function("vmemmap_populate").address_ == 0x500
    with pytest.raises(KeyError):
        prog.function("nr_cpu_ids")
    for missing in ("init_task", "no_such_thing"):
        with pytest.raises(KeyError):
            prog[missing]


def test_circles_end_in_an_error():
    w = kernel_writer()
    w.add(Kind.TYPEDEF, "loop", w.next + 1)
    w.add(Kind.CONST, value=w.next - 1)
    w.struct("holder", 8, [("loop", w.next - 2, 0, 0)])
    prog = program(Btf(w.bytes()))
    with pytest.raises(BtfError, match="circle"):
        prog.type("loop")
    assert prog.type("struct holder").type_name() == "struct holder"


@pytest.mark.parametrize("kind", [Kind.DATASEC, Kind.VOID, 42])
def test_what_is_no_type_is_refused_as_one(kind):
    w = kernel_writer()
    w.add(Kind.PTR, value=w.next + 1)
    w.add(Kind.DATASEC, "x", 0)
    types = BtfTypes(drgn.Program(X86_64), Btf(w.bytes()))
    with pytest.raises(BtfError):
        types.type(w.next - 2)
