"""The service's numbers for Prometheus: `GET /metrics`. With the key, since rates tell what a service is used for."""

import logging
from typing import Any, get_args

from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import PartsOf
from app.api.responses import ERRORS
from app.errors import VectorSpaceError
from app.observability.metrics import MEDIA_TYPE, Metric, States, Value, text_of
from app.store.store import IndexCondition, IndexState, Totals

log = logging.getLogger(__name__)

LEDGER_BYTES = "Size of the ledger with its write-ahead log, or of the tables in the database."

router = APIRouter(tags=["health"])
_text: dict[str, Any] = {"content": {"text/plain": {"schema": {"type": "string"}}}}


@router.get("/metrics", response_class=Response, responses={200: _text, 401: ERRORS[401]})
async def metrics(parts: PartsOf) -> Response:
    """Prometheus' text format. Where a key is set, give it to Prometheus as `authorization: {credentials: …}`."""
    shown = list(parts.metrics)
    if parts.pipeline is not None:
        try:
            store = parts.pipeline.store
            totals = await parts.pipeline.run(store.totals)
            index = await parts.pipeline.run(store.index_state)
        except VectorSpaceError as error:  # the other numbers are wanted most where the store fails
            log.warning("the store's metrics are left out: %s", error)
        else:
            shown += _store_metrics(totals, index)
    return Response(text_of(shown), headers={"Content-Type": MEDIA_TYPE})


def _store_metrics(totals: Totals, index: IndexState) -> list[Metric]:
    """What the store knows without looking at any document."""

    def gauge(name: str, help: str, value: float) -> Value:
        return Value(f"vectorspace_{name}", "gauge", help, lambda: value)

    def counter(name: str, help: str, value: float) -> Value:
        return Value(f"vectorspace_{name}_total", "counter", help, lambda: value)

    size = [] if totals.bytes is None else [gauge("ledger_bytes", LEDGER_BYTES, totals.bytes)]
    return [
        gauge("collections", "Collections that are kept.", totals.collections),
        gauge("documents", "Documents that are kept.", totals.documents),
        gauge("passages", "Passages that they are cut into, each with a vector.", totals.passages),
        *size,
        gauge("index_behind_changes", "Changes committed and not yet in the index.", index.behind),
        States("vectorspace_index_state", "How the index stands.", "state", get_args(IndexCondition), index.state),
        counter("index_rebuilds", "Times that the index was made anew since the start.", index.rebuilds),
    ]
