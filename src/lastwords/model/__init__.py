"""What is handed from room to room: structs without behaviour, JSON in and out. Imports nothing of ours."""

from .analysis import SCHEMA, Analysis
from .json import from_json, to_json
from .log import Boot, Gap, Log, Precursor
from .oops import (
    AddressSense,
    Code,
    Damage,
    ErrorCode,
    Frame,
    Instruction,
    LinkedModule,
    MemoryOperand,
    Oops,
    Struct,
    Taint,
    Trace,
)
from .record import Record
from .sighting import Sighting, Sightings, sighting

__all__ = [
    "SCHEMA",
    "AddressSense",
    "Analysis",
    "Boot",
    "Code",
    "Damage",
    "ErrorCode",
    "Frame",
    "Gap",
    "Instruction",
    "LinkedModule",
    "Log",
    "MemoryOperand",
    "Oops",
    "Precursor",
    "Record",
    "Sighting",
    "Sightings",
    "Struct",
    "Taint",
    "Trace",
    "from_json",
    "sighting",
    "to_json",
]
