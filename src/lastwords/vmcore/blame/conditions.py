"""Whether a branch was taken, from what is known behind it."""

from .architecture import Flags
from .function import Function
from .instruction import MASK, Act, Instruction
from .undo import FLAGS, State, undo

_BACK_MAX = 6


def holds(condition: str, flags: Flags) -> bool | None:
    """Whether a condition holds; None where it needs a flag that is not known."""
    negated = condition.startswith("n") and condition not in ("np",)
    plain = condition[1:] if negated else condition
    less = None if flags.overflow is None else flags.sign != flags.overflow
    table: dict[str, bool | None] = {
        "e": flags.zero,
        "z": flags.zero,
        "s": flags.sign,
        "o": flags.overflow,
        "b": flags.carry,
        "c": flags.carry,
        "ae": None if flags.carry is None else not flags.carry,
        "be": None if flags.carry is None else flags.carry or flags.zero,
        "a": None if flags.carry is None else not (flags.carry or flags.zero),
        "l": less,
        "ge": None if less is None else not less,
        "le": None if less is None else less or flags.zero,
        "g": None if less is None else not (less or flags.zero),
    }
    value = table.get(plain)
    return None if value is None else value != negated


def agrees(function: Function, index: int, taken: bool, state: State) -> bool:
    """Whether a branch may have gone this way, given what is known behind it; notes what that way tells.

    Args:
        function: with the branch.
        index: of the branch, or of a conditional move.
        taken: whether the condition held.
        state: behind the branch; may learn from an equality.
    """
    branch = function.instruction(index)
    condition = branch.condition
    if condition is None:
        return True
    if branch.act is Act.BRANCH and branch.source is not None:  # it looks at a register by itself
        test = branch._replace(act=Act.TEST, number=branch.mask)
        found: tuple[Instruction, State] | None = (test, state)
    else:
        word = state.get(FLAGS)
        if word is not None:
            known = holds(condition, function.architecture.condition_flags(word))
            return known is None or known == taken
        found = _comparison(function, index, state)
    if found is None:
        return True
    comparison, before = found
    flags = _compared(comparison, before)
    if flags is not None:
        known = holds(condition, flags)
        return known is None or known == taken
    if (condition in ("e", "z")) == taken and condition in ("e", "z", "ne", "nz"):
        return _learn_equal(comparison, before, state)
    return True


def _comparison(function: Function, index: int, state: State) -> tuple[Instruction, State] | None:
    """The instruction that set the flags, and what is known behind it."""
    before = state.copy()
    for place in range(index - 1, max(index - 1 - _BACK_MAX, -1), -1):
        if function.is_target(place + 1):
            return None
        instruction = function.instruction(place)
        if instruction.sets_flags:
            return instruction, before
        if instruction.act in (Act.CALL, Act.JUMP, Act.RETURN):
            return None
        undo(function, instruction, before)
    return None


def _compared(instruction: Instruction, state: State) -> Flags | None:
    bits = 8 * instruction.size
    mask = (1 << bits) - 1
    if instruction.act in (Act.COMPARE, Act.TEST) and instruction.source is not None:
        left = state.get(instruction.source)
        right = instruction.number if instruction.other is None else state.get(instruction.other)
        if left is None or right is None:
            return None
        left, right = left & mask, right & mask
        if instruction.act is Act.TEST:
            result = left & right
            return Flags(False, result == 0, bool(result >> bits - 1), False)
        result = left - right & mask
        overflow = bool((left ^ right) & (left ^ result) & 1 << bits - 1)
        return Flags(left < right, result == 0, bool(result >> bits - 1), overflow)
    if instruction.act in (Act.ADD, Act.ADD_REGISTER, Act.SUBTRACT_REGISTER) and instruction.target is not None:
        result_value = state.get(instruction.target)
        if result_value is not None:
            return Flags(None, result_value == 0, bool(result_value >> 63), None)
    return None


def _learn_equal(instruction: Instruction, before: State, state: State) -> bool:
    """Both sides were equal: what one held, the other did too."""
    if instruction.size != 8 or instruction.source is None:
        return True
    whole = instruction.source == instruction.other or (instruction.other is None and instruction.number == MASK)
    if instruction.act is Act.TEST and whole:
        value: int | None = 0
    elif instruction.act is Act.COMPARE:
        value = instruction.number if instruction.other is None else before.get(instruction.other)
    else:
        return True
    if value is not None and before.get(instruction.source) == state.get(instruction.source):
        return state.learn(instruction.source, value)
    return True
