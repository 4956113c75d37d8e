"""The table of character classes that std::ctype<char> has in a process with onnxruntime: 256 numbers, as JSON."""

import ctypes
import json
from pathlib import Path

import onnxruntime

TABLE_OFFSET = 0x30

packages = Path(onnxruntime.__file__).parents[1]
(libstdcpp,) = packages.glob("tokenizers.libs/libstdc++*")
library = ctypes.CDLL(str(libstdcpp))
classic = library["_ZNSt6locale7classicEv"]
use_facet = library["_ZSt9use_facetISt5ctypeIcEERKT_RKSt6locale"]
classic.restype = use_facet.restype = ctypes.c_void_p
facet = use_facet(ctypes.c_void_p(classic()))
table = ctypes.c_void_p.from_address(facet + TABLE_OFFSET).value
assert table is not None
print(json.dumps(list((ctypes.c_ushort * 256).from_address(table))))
