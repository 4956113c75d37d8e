// The map as a list, group by group: for those who do not see it, and for who would rather read.
import { el, find, refill } from "./dom.js";
import { count, whole } from "./format.js";

const SHOWN = 40; // of a group; a search or the legend narrows it down

export class MapList {
  constructor(plane, { standsFor, open }) {
    Object.assign(this, { plane, standsFor, open });
    this.toggle = find("map-list-toggle");
    this.place = find("map-list");
    this.toggle.onclick = () => {
      this.place.hidden = !this.place.hidden;
      this.toggle.setAttribute("aria-expanded", !this.place.hidden);
      this.show();
      if (!this.place.hidden) this.place.focus();
    };
  }

  show() {
    if (this.place.hidden) return;
    const { groups, hits, only } = this.plane;
    const sections = groups
      .map(({ label, members }, group) => ({ label, group, members: hits ? members.filter((each) => hits.has(each)) : members }))
      .filter(({ group, members }) => members.length && (only === null || only === group))
      .map(({ label, members }) => this.#section(label, members));
    refill(this.place, sections.length ? sections : [el("p.hint", null, "Nothing to list.")]);
  }

  #section(label, members) {
    const more = members.length - SHOWN;
    return el("section", null,
      el("h2", null, label, " ", el("small.quiet", null, count(members.length, "document"))),
      el("ul", null, members.slice(0, SHOWN).map((index) => this.#row(index))),
      more > 0 && el("p.quiet", null, `and ${whole(more)} more: search, or choose the group in the legend`),
    );
  }

  #row(index) {
    const { id, text } = this.plane.points[index];
    return el("li", { "data-id": id }, el("button.link", { ...this.standsFor(id), onclick: () => this.open(id) }, text || id));
  }
}
