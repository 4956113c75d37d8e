// The legend of the map: each group with its mark; a press shows this group alone, another all of them again.
import { el, svg } from "./dom.js";
import { whole } from "./format.js";
import { colourOf } from "./groups.js";

export function showLegend(place, plane, changed) {
  const buttons = plane.groups.map((group, index) =>
    el("button", { "aria-pressed": plane.only === index, onclick: () => press(index) },
      mark(group),
      el("span", null, group.label),
      el("small", null, whole(group.members.length)),
    ),
  );
  place.replaceChildren(...buttons.map((button) => el("li", null, button)));

  function press(index) {
    plane.only = plane.only === index ? null : index;
    for (const [each, button] of buttons.entries()) button.setAttribute("aria-pressed", plane.only === each);
    changed();
  }
}

function mark(group) {
  const { colour, ring } = colourOf(group);
  return svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" },
    svg("circle", { cx: 6, cy: 6, r: ring ? 4 : 5, fill: ring ? "none" : colour, stroke: ring ? colour : "none", "stroke-width": 2 }),
  );
}
