"""chromadb, without the trace exporter that it loads with itself and never uses here, and how its graphs are built.

`chromadb.telemetry.opentelemetry` imports the OTLP exporter over gRPC when it is loaded: 21 MB of grpc and protobuf for
spans that are sent only where `chroma_otel_collection_endpoint` is set, which this service never does. A stand-in
under the exporter's name satisfies the import, and refuses to be used.

source  https://github.com/chroma-core/chroma/blob/1.5.9/chromadb/telemetry/opentelemetry/__init__.py
"""

import importlib
import sys
from types import ModuleType

EXPORTER = "opentelemetry.exporter.otlp.proto.grpc.trace_exporter"


class OTLPSpanExporter:
    """Stands where the gRPC exporter would."""

    def __init__(self, *_: object, **__: object) -> None:
        raise RuntimeError("traces cannot be exported: the OTLP exporter is not installed")


def _stand_in() -> None:
    """Register the stand-in, and the packages above it that are missing, unless the real exporter is there."""
    parts = EXPORTER.split(".")
    for depth in range(2, len(parts) + 1):
        name = ".".join(parts[:depth])
        try:  # where the service traces, the exporter over HTTP shares these packages
            importlib.import_module(name)
        except ModuleNotFoundError:
            sys.modules[name] = ModuleType(name)
            sys.modules[name].__dict__.update(__path__=[], OTLPSpanExporter=OTLPSpanExporter)


_stand_in()

import chromadb  # noqa: E402  after the stand-in

__all__ = ["HNSW", "chromadb"]

# By chromadb's names; Chroma Cloud leaves them aside. benchmarks/store/semantic.py: what they give at 100,000 passages.
HNSW = {"ef_search": 300, "ef_construction": 200, "max_neighbors": 16}
