"""Put mimalloc in front of musl's allocator, and memcpy of our own before musl's: docs/decisions/0002-allocator.md.

mimalloc comes from a musllinux wheel, as it is; the Python program gets it as the first library that it needs, so that
its malloc is found before musl's, in the whole process. That holds whatever the environment says, unlike LD_PRELOAD.
"""

import os
import shutil
import subprocess
import zipfile
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from musl.compat import compile_library
from musl.elf import SharedLibrary
from musl.errors import AlteredWheel, LoadFailed, UnknownWheel
from musl.patch import patch

WHEEL = "cmeel_mimalloc-3.2.8-0-py3-none-musllinux_1_2_x86_64.whl"
SHA256 = "c9f53e1fb23789b9c0f6e057bd84bff190539096f5d61f988b36f4d64b0cb965"
INSIDE = "cmeel.prefix/lib/libmimalloc.so.3"
HEADERS = "cmeel.prefix/include/mimalloc-3.2/"
OPTIONS = Path(__file__).parent / "allocation" / "options.c"
COPIES = Path(__file__).parent / "allocation" / "copies.c"
COPIES_NAME = "libcopies.so"
LICENCE = Path(__file__).parent / "allocation" / "LICENSE"  # mimalloc's own, which the wheel names and does not hold
LICENCE_PLACE = "usr/share/licenses/mimalloc/LICENSE"
FOLDER = "usr/local/lib"
RPATH = "$ORIGIN/../lib"  # as the program has it already
# Whether mimalloc knows a block from malloc() as its own, and a page that it has not given as another's; its version,
# and the option that was chosen for it: number 15 is mi_option_purge_delay. And whose memcpy and memmove are found.
PROGRAM = """
import ctypes, os
library = ctypes.CDLL(None)
def home(function):
    found = (ctypes.c_char_p * 4)()
    library.dladdr(ctypes.cast(function, ctypes.c_void_p), found)
    return os.path.basename(found[0].decode())
library.malloc.restype = library.mmap.restype = ctypes.c_void_p
library.mi_is_in_heap_region.restype = ctypes.c_bool
block = ctypes.c_void_p(library.malloc(1000))
page = ctypes.c_void_p(library.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0)))
known = [library.mi_is_in_heap_region(each) for each in (block, page)]
print(*known, library.mi_version(), library.mi_option_get(15), home(library.memcpy), home(library.memmove))
"""


def install(wheels: Path, python: Path, root: Path) -> str:
    """Write mimalloc with its licence, our options for it, our copies, and a `python` that needs them, below `root`.

    returns  mimalloc's version, as it says it itself
    raises  UnknownWheel, AlteredWheel, PatchFailed, CodeChanged; LoadFailed where malloc or memcpy is still another's
    """
    wheel = wheels / WHEEL
    if not wheel.is_file():
        raise UnknownWheel(f"{wheels} lacks {WHEEL}")
    found = sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        raise AlteredWheel(f"{WHEEL} has sha256 {found}, reviewed was {SHA256}")
    library = root / FOLDER / Path(INSIDE).name
    options = root / FOLDER / "libmimalloc_options.so"
    copies = root / FOLDER / COPIES_NAME
    program = root / python.relative_to("/")
    for path in (library, program, root / LICENCE_PLACE):
        path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(LICENCE, root / LICENCE_PLACE)
    with zipfile.ZipFile(wheel) as archive, TemporaryDirectory() as scratch:
        library.write_bytes(archive.read(INSIDE))
        library.chmod(0o755)
        headers = [name for name in archive.namelist() if name.startswith(HEADERS)]
        archive.extractall(scratch, headers)
        compile_library(options, [OPTIONS], f"-I{scratch}/{HEADERS}", str(library))
    build_copies(copies)
    shutil.copy(python, program)
    needed = SharedLibrary.read(program).needed
    patch(program, needed=[library.name, options.name, copies.name, *needed], rpath=RPATH, renamed={})
    environment = os.environ | {"PYTHONHOME": str(python.parents[1])}
    done = subprocess.run([str(program), "-c", PROGRAM], capture_output=True, text=True, env=environment)
    if done.returncode or not as_chosen(done.stdout):
        raise LoadFailed(f"{program} does not allocate and copy as chosen: {done.stdout}{done.stderr}")
    return done.stdout.split()[2]


def as_chosen(said: str) -> bool:
    """Whether PROGRAM said what it says where all is in place."""
    words = said.split()
    return [*words[:2], *words[3:]] == ["True", "False", "0", COPIES_NAME, COPIES_NAME]


def build_copies(output: Path) -> None:
    """Compile memcpy and memmove. raises  CompilerFailed"""
    # -fno-builtin: else the compiler finds a memmove in memmove, and calls it.
    compile_library(output, [COPIES], "-fno-builtin")
