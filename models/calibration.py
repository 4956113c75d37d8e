"""Calibration values: what int8 needs to know of the activations, kept as a file so that every machine uses the same.

They come from float32 inference, whose last bits differ from machine to machine; `models.calibrate` makes them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import CalibrationUnfit

F32 = npt.NDArray[np.float32]
VERSION = 1


@dataclass(frozen=True)
class Site:
    """The input of a linear layer.

    low, high  its range over the calibration texts, after smoothing
    smoothing  (width,) float32, what each channel is divided by; the weights after it are multiplied by the same
    """

    low: float
    high: float
    smoothing: F32 | None = None


@dataclass(frozen=True)
class LayerCalibration:
    """The four inputs of a layer: of query, key and value, of the attention's output, of `widen`, of `narrow`.

    outliers  channels between `widen` and `narrow` that stay in float32, ascending; `narrow`'s range is without them
    """

    attention: Site
    context: Site
    widen: Site
    narrow: Site
    outliers: tuple[int, ...]


@dataclass(frozen=True)
class Calibration:
    layers: tuple[LayerCalibration, ...]


def read_calibration(path: Path) -> Calibration:
    """raises  CalibrationUnfit, when the file is absent, of another version, or lacks a value"""
    if not path.is_file():
        raise CalibrationUnfit(str(path), "a file of calibration values", "none")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise CalibrationUnfit(str(path), f"version {VERSION}", f"{content['version']}")
        return Calibration(tuple(_layer(each) for each in content["layers"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CalibrationUnfit(str(path), "the values of every layer", f"{type(error).__name__} {error}") from error


def write_calibration(path: Path, calibration: Calibration) -> None:
    """One line a vector: values of six digits, far finer than eight bits can show."""
    layers = []
    for layer in calibration.layers:
        sites = {name: getattr(layer, name) for name in ("attention", "context", "widen", "narrow")}
        lines = [f'"{name}": {_site_json(site)}' for name, site in sites.items()]
        lines.append(f'"outliers": {json.dumps(layer.outliers)}')
        layers.append("{\n" + ",\n".join(lines) + "\n}")
    path.write_text(f'{{"version": {VERSION}, "layers": [\n' + ",\n".join(layers) + "\n]}\n", encoding="utf-8")


def _site_json(site: Site) -> str:
    values: dict[str, Any] = {"low": float(f"{site.low:.6g}"), "high": float(f"{site.high:.6g}")}
    if site.smoothing is not None:
        values["smoothing"] = [float(f"{value:.6g}") for value in site.smoothing]
    return json.dumps(values)


def _layer(content: dict[str, Any]) -> LayerCalibration:
    return LayerCalibration(
        attention=_site(content["attention"]),
        context=_site(content["context"]),
        widen=_site(content["widen"]),
        narrow=_site(content["narrow"]),
        outliers=tuple(int(channel) for channel in content["outliers"]),
    )


def _site(content: dict[str, Any]) -> Site:
    smoothing = np.array(content["smoothing"], np.float32) if "smoothing" in content else None
    return Site(low=float(content["low"]), high=float(content["high"]), smoothing=smoothing)
