"""Heads of the kernel's lists where there is no symbol for them: found from an element of each.

A list leads through its elements, which were allocated, back to its head, which lies in the kernel's image.
"""

import drgn
from drgn import cast, container_of
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.rbtree import rbtree_inorder_for_each_entry

_ELEMENTS_MAX = 10_000
# The first few have sizes that a machine may not use, and are not there.
_KMALLOC_CACHES = 14


def modules_list(prog: drgn.Program, image: range) -> int | None:
    """The address of `modules` (kernel/module/main.c), None if it can't be found.

    /sys/kernel is exported as `kernel_kobj`; its sibling /sys/module is the kset of all modules.

    Args:
        prog: a program with types and exported symbols.
        image: the addresses of the kernel's image.
    """
    try:
        kernel = drgn.Object(prog, prog.pointer_type(prog.type("struct kobject")), value=_pointer(prog, "kernel_kobj"))
        for kset in _ksets(kernel, b"module"):
            for kobject in list_for_each_entry("struct kobject", kset.list.address_of_(), "entry"):
                module = container_of(kobject, "struct module_kobject", "kobj").mod
                if module and (head := _head(module.list, image)) is not None:
                    return head
    except (LookupError, drgn.FaultError, TypeError, ValueError):
        pass
    return None


def _pointer(prog: drgn.Program, name: str) -> int:
    address: int = prog.read_word(prog.symbol(name).address)
    return address


def _ksets(kernel: drgn.Object, name: bytes) -> "list[drgn.Object]":
    """The directory beside /sys/kernel that is called `name`, as a kset."""
    node = kernel.sd
    # Linux 6.15 renamed the member.
    parent = node.member_("__parent") if node.type_.type.has_member("__parent") else node.parent
    children = cast("struct kernfs_node *", parent).dir.children.address_of_()
    return [
        container_of(cast("struct kobject *", child.priv), "struct kset", "kobj")
        for child in rbtree_inorder_for_each_entry("struct kernfs_node", children, "rb")
        if child.name.string_() == name
    ]


def slab_caches_list(prog: drgn.Program, image: range) -> int | None:
    """The address of `slab_caches` (mm/slab_common.c), None if it can't be found.

    The caches that kmalloc() uses are exported.
    """
    try:
        cache_type = prog.pointer_type(prog.type("struct kmem_cache"))
        caches = prog.symbol("kmalloc_caches").address
        for place in range(_KMALLOC_CACHES):
            address = prog.read_word(caches + place * prog.address_size())
            if address and (head := _head(drgn.Object(prog, cache_type, value=address).list, image)) is not None:
                return head
    except (LookupError, drgn.FaultError, AttributeError):
        pass
    return None


def _head(element: drgn.Object, image: range) -> int | None:
    """The head of the list that a `struct list_head` is on."""
    entry = element.next
    for _ in range(_ELEMENTS_MAX):
        if entry.value_() in image:
            return int(entry.value_())
        entry = entry.next
    return None
