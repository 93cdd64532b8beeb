"""What is handed from room to room: structs without behaviour, JSON in and out. Imports nothing of ours."""

from .analysis import SCHEMA, Analysis
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
from .symbols import RefusedFile, Symbols

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
    "RefusedFile",
    "Sighting",
    "Sightings",
    "Struct",
    "Symbols",
    "Taint",
    "Trace",
    "sighting",
]
