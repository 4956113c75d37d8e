// One hit of a search: its text with the passage marked, its metadata, and why it is where it is.
import { el } from "./dom.js";
import { score, whole } from "./format.js";
import { marked } from "./passage.js";

const K = 60; // of reciprocal rank fusion: app/store/fusion.py
const weight = (rank) => (K + 1) / (K + rank);

// elsewhere  by mode, the places of this document in the other rankings
export function hitCard(hit, { place, mode, words, filters, elsewhere, read, point }) {
  return el("li.hit", { "data-id": hit.id, onpointerenter: () => point(hit.id), onpointerleave: () => point(null) },
    el("p.hit-head", null,
      el("span.place", null, `${place}`),
      el("button.link.hit-id", { onclick: () => read(hit), title: hit.id }, hit.id),
      el("span.score", { title: "The score that the order is by" }, score(hit.score)),
    ),
    el("p.hit-text", { dir: "auto" }, marked(hit.text ?? "", hit.passage, words)),
    filters.chips(hit.metadata),
    mode === "hybrid" ? fused(hit) : null,
    el("p.elsewhere.quiet", null, elsewhere),
  );
}

// Both rankings of a hybrid hit, and how they made its score.
function fused(hit) {
  const rankings = ["semantic", "keyword"];
  const term = (name) => (hit[name] ? `${K + 1} / (${K} + ${hit[name].rank})` : "0");
  const sum = rankings.reduce((all, name) => all + (hit[name] ? weight(hit[name].rank) : 0), 0);
  return el("details.why", null,
    el("summary", null,
      rankings.map((name) => el("span", null, `${name} `, el("b", null, hit[name] ? ordinal(hit[name].rank) : "–"))),
    ),
    el("dl", null,
      rankings.flatMap((name) => [
        el("dt", null, name),
        el("dd", null, hit[name] ? `place ${whole(hit[name].rank)}, score ${score(hit[name].score)}` : "not in this ranking"),
      ]),
    ),
    el("p.quiet", null, `½ · ${term("semantic")} + ½ · ${term("keyword")} = ${(sum / 2).toFixed(3)}`),
  );
}

export function ordinal(number) {
  const ending = { one: "st", two: "nd", few: "rd", other: "th" };
  return whole(number) + ending[new Intl.PluralRules("en", { type: "ordinal" }).select(number)];
}
