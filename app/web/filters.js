// Filters built by clicking on metadata values: a row of chips, and the filter that the interface takes.
import { el, refill } from "./dom.js";

const filterable = (value) => ["string", "number", "boolean"].includes(typeof value);

export class Filters {
  #chosen = []; // {key, value, not}

  constructor(place, changed) {
    this.place = place;
    this.changed = changed;
  }

  // As the interface takes it, or undefined. Values of one key are alternatives, keys are conditions.
  get value() {
    const keys = Map.groupBy(this.#chosen, ({ key, not }) => JSON.stringify([key, not]));
    const conditions = [...keys].map(([name, chosen]) => {
      const [key, not] = JSON.parse(name);
      const values = chosen.map((each) => each.value);
      return { [key]: not ? { $nin: values } : values.length > 1 ? { $in: values } : values[0] };
    });
    return conditions.length > 1 ? { $and: conditions } : conditions[0];
  }

  add(key, value) {
    if (this.#chosen.some((each) => each.key === key && each.value === value)) return;
    this.#chosen.push({ key, value, not: false });
    this.#change();
  }

  // Without telling.
  clear() {
    this.#chosen = [];
    this.#show();
  }

  // The metadata of a document as chips, those that can be filtered by as buttons.
  chips(metadata) {
    return el("ul.chips", null,
      Object.entries(metadata).map(([key, value]) => {
        const label = [el("span.key", null, key), ` ${filterable(value) ? value : JSON.stringify(value)}`];
        const add = () => this.add(key, value);
        return el("li", null,
          filterable(value)
            ? el("button.chip", { title: `Only ${key} = ${value}`, onclick: add }, label)
            : el("span.chip", { dir: "auto" }, label),
        );
      }),
    );
  }

  #show() {
    const chips = this.#chosen.map((each) => {
      const name = `${each.key} ${each.not ? "≠" : "="} ${each.value}`;
      const turn = () => {
        each.not = !each.not;
        this.#change();
      };
      const remove = () => {
        this.#chosen = this.#chosen.filter((other) => other !== each);
        this.#change();
      };
      return el("li.chip.chosen", { "data-id": JSON.stringify([each.key, each.value]) },
        el("button.turn", { title: "Turn between = and ≠", onclick: turn }, name),
        el("button", { "aria-label": `Remove ${name}`, onclick: remove }, "×"),
      );
    });
    refill(this.place, chips);
  }

  #change() {
    this.#show();
    this.changed();
  }
}
