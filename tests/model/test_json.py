"""The model as JSON: what readers with 53 bits would break is a string, and everything comes back."""

import json

import msgspec

from lastwords.model import (
    Blame,
    BlameStep,
    DumpCheck,
    Listing,
    Lock,
    LockCycle,
    Locks,
    Machine,
    StackFrame,
    Task,
    View,
    from_json,
    to_json,
)
from lastwords.model.json import HEXADECIMAL

HIGH = 0xFFFF888004A1B2C3
MACHINE = Machine(
    release="6.1.0",
    tasks=(
        Task(
            pid=1,
            comm="0x10",
            state="D",
            address=HIGH,
            blocked_on=HIGH,
            stack=(StackFrame(function="f", address=HIGH, registers={"rax": HIGH}, variables={"value": "0x10"}),),
        ),
    ),
    locks=Locks(held=(Lock(kind="mutex", address=HIGH),), cycles=(LockCycle(pids=(1, 2), locks=(HIGH, HIGH + 8)),)),
    blame=Blame(
        function="f",
        address=HIGH,
        value=HIGH,
        fault_address=HIGH,
        steps=(BlameStep(kind="load", function="f", address=HIGH, text="", value=HIGH),),
    ),
)


def numbers(value: object) -> list[int]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in numbers(each)]
    return [value] if isinstance(value, int) else []


def test_addresses_are_strings() -> None:
    data = json.loads(to_json(MACHINE))
    assert data["locks"]["cycles"] == [
        {"pids": [1, 2], "locks": ["0xffff888004a1b2c3", "0xffff888004a1b2cb"], "sure": True}
    ]
    assert data["blame"]["fault_address"] == "0xffff888004a1b2c3"
    assert max(numbers(data)) < 1 << 53


def test_they_come_back() -> None:
    assert from_json(to_json(MACHINE), Machine) == MACHINE


def test_every_field_that_is_called_an_address_is_a_string() -> None:
    _, components = msgspec.json.schema_components((Machine, DumpCheck, View, Listing))
    fields = {
        name
        for struct in components.values()
        for name, kind in struct.get("properties", {}).items()
        if "address" in name and "integer" in str(kind)
    }
    assert {"address", "fault_address"} <= fields <= HEXADECIMAL
