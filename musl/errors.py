"""Why a repair stops. Every message names the file, and what was found beside what was expected.

RepairError
├── UnknownWheel      no wheel of this name was reviewed
├── AlteredWheel      the bytes are not those that were reviewed
├── UnknownFile       the wheel holds a binary that the review does not name
├── NotElf            no ELF file, or one without what a shared library must have
├── WrongMachine      built for another processor
├── WrongLibc         built for another C library, or for musl already; a musl that was not reviewed
├── UnknownLibrary    needs a library that is not known
├── UnknownSymbol     imports names that the table does not hold
├── RefusedSymbol     imports names that the table refuses
├── MissingFunction   the compatibility library lacks what the table says it has
├── MissingRuntime    the target has no libstdc++, or several
├── CompilerFailed    a source of the library does not compile
├── PatchFailed       patchelf refuses
├── CodeChanged       more than the dynamic section has changed
└── LoadFailed        musl's loader refuses the result
"""


class RepairError(Exception):
    """The wheel is not repaired, and the image must not be built."""


class UnknownWheel(RepairError): ...


class AlteredWheel(RepairError): ...


class UnknownFile(RepairError): ...


class NotElf(RepairError): ...


class WrongMachine(RepairError): ...


class WrongLibc(RepairError): ...


class UnknownLibrary(RepairError): ...


class UnknownSymbol(RepairError): ...


class RefusedSymbol(RepairError): ...


class MissingFunction(RepairError): ...


class MissingRuntime(RepairError): ...


class CompilerFailed(RepairError): ...


class PatchFailed(RepairError): ...


class CodeChanged(RepairError): ...


class LoadFailed(RepairError): ...
