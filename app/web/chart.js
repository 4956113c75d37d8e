// A small line over time, with what it is now and the most that it was.
import { el, svg } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 56;

export class Chart {
  #values = [];

  // format  makes a number readable; kept: how many values the line has
  constructor(title, note, format, kept) {
    Object.assign(this, { title, format, kept });
    this.now = el("p.chart-now", null, "–");
    this.most = el("span.quiet");
    this.area = svg("path", { class: "area" });
    this.line = svg("path", { class: "line" });
    this.root = el("section.chart", null,
      el("h2", null, title),
      this.now,
      svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.area, this.line),
      el("p.chart-foot.quiet", null, el("span", null, note), this.most),
    );
  }

  // value  null where there is nothing to tell: the line has a gap
  add(value, extra = "") {
    this.#values.push(value);
    if (this.#values.length > this.kept) this.#values.shift();
    const known = this.#values.filter((each) => each !== null);
    this.now.replaceChildren(value === null ? "–" : this.format(value), extra && el("small.quiet", null, ` ${extra}`));
    const most = Math.max(0, ...known);
    this.most.textContent = known.length ? `most ${this.format(most)}` : "";
    this.#draw(most || 1);
  }

  #draw(most) {
    const step = WIDTH / (this.kept - 1);
    const offset = this.kept - this.#values.length;
    const y = (value) => (HEIGHT - 2 - (value / most) * (HEIGHT - 6)).toFixed(1);
    const runs = [[]];
    for (const [index, value] of this.#values.entries()) {
      if (value === null) runs.push([]);
      else runs.at(-1).push(`${((offset + index) * step).toFixed(1)} ${y(value)}`);
    }
    const lines = runs.filter((run) => run.length).map((run) => (run.length > 1 ? run : [run[0], run[0]]));
    this.line.setAttribute("d", lines.map((run) => `M${run.join("L")}`).join(""));
    const floor = (point) => `${point.split(" ")[0]} ${HEIGHT}`;
    this.area.setAttribute("d", lines.map((run) => `M${floor(run[0])}L${run.join("L")}L${floor(run.at(-1))}Z`).join(""));
  }
}
