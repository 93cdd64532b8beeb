"""Lists in a dump, walked without trusting them: a damaged one ends in a cycle, outside memory, or never."""

from collections.abc import Iterable, Iterator

import drgn

from .strings import one_line


def walk(objects: Iterable[drgn.Object], limit: int, problems: list[str], what: str) -> Iterator[drgn.Object]:
    """The objects that a walk of drgn gives, up to where it goes wrong.

    Args:
        objects: pointers, as drgn's helpers yield them.
        limit: of their number.
        problems: gets a line if the walk ended for another reason than the list's end.
        what: the objects' name in that line, as `modules`.
    """
    seen: set[int] = set()
    each = iter(objects)
    while True:
        try:
            found = next(each)
        except StopIteration:
            return
        except Exception as failure:  # drgn raises what fits; a damaged list can raise anything
            problems.append(f"the list of {what} breaks off after {len(seen)}: {one_line(failure)}")
            return
        address = found.value_()
        if address in seen:
            problems.append(f"the list of {what} runs in a circle after {len(seen)}")
            return
        if len(seen) >= limit:
            problems.append(f"only the first {limit} {what} were read")
            return
        seen.add(address)
        yield found
