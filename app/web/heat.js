// The similarities of texts as a heat map: a table whose cells are the darker the nearer two texts are.
import { el } from "./dom.js";

// vectors  of length 1, so that a dot product is their cosine
export function heatMap(names, vectors) {
  const cosine = (a, b) => a.reduce((sum, each, index) => sum + each * b[index], 0);
  const cell = (row, column) => {
    const value = cosine(vectors[row], vectors[column]);
    const share = Math.round(100 * Math.max(0, Math.min(1, value)));
    const tone = share < 69 ? null : share < 83 ? "some" : "most"; // views.css
    const shown = el("td", { class: tone, title: `${names[row]} and ${names[column]}: ${value.toFixed(4)}` }, value.toFixed(2));
    shown.style.setProperty("--share", `${share}%`);
    return shown;
  };
  return el("table", null,
    el("caption", null, "Cosine similarity"),
    el("thead", null, el("tr", null, el("td"), names.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", null,
      names.map((name, row) => el("tr", null, el("th", { scope: "row" }, name), names.map((_, column) => cell(row, column)))),
    ),
  );
}
