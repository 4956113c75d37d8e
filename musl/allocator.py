"""Put mimalloc in front of musl's allocator, for the whole process: docs/decisions/0002-allocator.md.

The library comes from a musllinux wheel, as it is; the Python program gets it as the first library that it needs, so
that its malloc is found before musl's. That holds whatever the environment says, unlike LD_PRELOAD.
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
LICENCE = Path(__file__).parent / "allocation" / "LICENSE"  # mimalloc's own, which the wheel names and does not hold
LICENCE_PLACE = "usr/share/licenses/mimalloc/LICENSE"
FOLDER = "usr/local/lib"
RPATH = "$ORIGIN/../lib"  # as the program has it already
# Whether mimalloc knows a block from malloc() as its own, and a page that it has not given as another's; its version,
# and the option that was chosen for it: number 15 is mi_option_purge_delay.
PROGRAM = """
import ctypes
library = ctypes.CDLL(None)
library.malloc.restype = library.mmap.restype = ctypes.c_void_p
library.mi_is_in_heap_region.restype = ctypes.c_bool
block = ctypes.c_void_p(library.malloc(1000))
page = ctypes.c_void_p(library.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0)))
known = [library.mi_is_in_heap_region(each) for each in (block, page)]
print(*known, library.mi_version(), library.mi_option_get(15))
"""


def install(wheels: Path, python: Path, root: Path) -> str:
    """Write the library with its licence, our options for it, and a copy of `python` that needs both, below `root`.

    returns  mimalloc's version, as it says it itself
    raises  UnknownWheel, AlteredWheel, PatchFailed, CodeChanged; LoadFailed where malloc is still another's
    """
    wheel = wheels / WHEEL
    if not wheel.is_file():
        raise UnknownWheel(f"{wheels} lacks {WHEEL}")
    found = sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        raise AlteredWheel(f"{WHEEL} has sha256 {found}, reviewed was {SHA256}")
    library = root / FOLDER / Path(INSIDE).name
    options = root / FOLDER / "libmimalloc_options.so"
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
    shutil.copy(python, program)
    needed = SharedLibrary.read(program).needed
    patch(program, needed=[library.name, options.name, *needed], rpath=RPATH, renamed={})
    environment = os.environ | {"PYTHONHOME": str(python.parents[1])}
    done = subprocess.run([str(program), "-c", PROGRAM], capture_output=True, text=True, env=environment)
    ours, others, version, purge_delay = [*done.stdout.split(), "", "", "", ""][:4]
    if done.returncode or (ours, others, purge_delay) != ("True", "False", "0"):
        raise LoadFailed(f"{program} does not allocate with mimalloc as chosen: {done.stdout}{done.stderr}")
    return version
