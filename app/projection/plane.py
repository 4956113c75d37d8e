"""A plane with points in it, and where something new falls in the same plane."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.projection.components import Components, principal_components
from app.projection.nearest import F32, products
from app.projection.neighbours import neighbour_layout

Layout = Literal["components", "neighbours"]
# A new point of the neighbours' layout: so many nearest ones, and how much nearer one must be to weigh e times as much.
PLACED_BY = 5
WEIGHT_SCALE = 0.03


@dataclass(frozen=True)
class Plane:
    """points    (rows, 2) float32, within -1..1; both axes have one scale
    components  of the vectors
    middle, reach  how places were brought to -1..1: (place - middle) / reach; (2,) float32, and above 0
    vectors     (rows, dimension) float32, of length 1, where the layout is the neighbours'
    """

    points: F32
    components: Components
    middle: F32
    reach: float
    vectors: F32 | None = None

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        arrays = (self.points, self.components.mean, self.components.axes, self.middle, self.vectors)
        return sum(each.nbytes for each in arrays if each is not None)

    def place(self, vector: F32) -> tuple[float, float]:
        """Where a vector (dimension,) float32 of length 1 falls; by components that may be outside of -1..1.

        Components: its own projection. Neighbours: between the points of the vectors that are nearest to it.
        """
        if self.vectors is None:
            x, y = (self.components.coordinates(vector[None])[0] - self.middle) / np.float32(self.reach)
            return float(x), float(y)
        cosines = products(self.vectors, vector[None])[:, 0]
        near = np.argsort(-cosines, kind="stable")[:PLACED_BY]
        weights = np.exp((cosines[near] - cosines[near[0]]) / WEIGHT_SCALE)
        x, y = np.einsum("i,ij->j", weights / weights.sum(), self.points[near])
        return float(x), float(y)


def plane(vectors: F32, layout: Layout) -> Plane:
    """Vectors (rows, dimension) float32 of length 1, at least one, in the plane: the same for the same vectors."""
    components = principal_components(vectors)
    places = components.coordinates(vectors)
    if layout == "neighbours":
        places = neighbour_layout(vectors, places)
    middle = (places.max(axis=0) + places.min(axis=0)) / np.float32(2)
    centred = places - middle
    reach = float(np.abs(centred).max()) or 1.0
    points = centred / np.float32(reach)
    return Plane(points, components, middle, reach, vectors if layout == "neighbours" else None)
