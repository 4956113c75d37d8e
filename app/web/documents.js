// The documents of a collection: files dropped in, a list to leaf through, export, deletion.
import { address, ask, get, inside } from "./api.js";
import { el, find, refill, turns } from "./dom.js";
import { newDocument, readDocument } from "./editor.js";
import { Filters } from "./filters.js";
import { clipped, count, joined, moment } from "./format.js";
import { importFile } from "./importlist.js";
import { key } from "./key.js";
import { shown } from "./notice.js";
import { onChange, reload, session } from "./session.js";
import { confirm } from "./sheet.js";

const PAGE = 50;

export function documentsView() {
  const notice = find("documents-notice");
  const filters = new Filters(find("document-filters"), () => list());
  const place = find("rows");
  const turn = turns();
  let cursor = null;
  let visible = false;
  let name = null; // of the collection whose documents are listed

  // least  documents, if there are as many; after: a cursor, and then they are added to those that are listed
  async function list(least = 0, after = null) {
    if (!visible || session.name === null) return;
    const signal = turn();
    await shown(
      notice,
      async () => {
        const rows = [];
        let next = after;
        do {
          const query = new URLSearchParams({ limit: PAGE });
          if (filters.value) query.set("filter", JSON.stringify(filters.value));
          if (next) query.set("cursor", next);
          const page = await get(`${inside(session.name, "documents")}?${query}`, { signal });
          rows.push(...page.documents.map(row));
          next = page.cursor;
        } while (next && rows.length < least);
        cursor = next;
        find("more").hidden = !next;
        if (after) {
          place.append(...rows);
          rows[0]?.querySelector("button").focus();
        } else refill(place, rows.length ? rows : [nothing()]);
      },
      () => list(least, after),
    );
  }

  const relist = () => list(place.querySelectorAll(".row").length);

  const row = (document) =>
    el("article.row", { "data-id": document.id },
      el("button.link.row-id", { onclick: () => readDocument(document.id), title: document.id }, document.id),
      el("p.row-text", { dir: "auto" }, clipped(document.text, 300) || el("em.quiet", null, "no text, vectors only")),
      el("div.row-foot", null, filters.chips(document.metadata), el("time.quiet", null, moment(document.updated_at_unix_s))),
    );

  const nothing = () =>
    el("p.hint", null, filters.value ? "No document matches these filters." : "No documents yet: drop a file above, or write one.");

  function head() {
    const { collection } = session;
    find("documents-title").textContent = session.name;
    find("documents-about").textContent =
      collection &&
      joined(
        count(collection.documents, "document"),
        count(collection.passages, "passage"),
        `${collection.model}, ${collection.dimension} numbers, ${collection.distance}`,
      );
  }

  function take(files) {
    for (const file of files) importFile(find("imports"), session.name, file);
  }

  // Anywhere in this view. Elsewhere a file does nothing, where the browser would leave the page for it.
  for (const type of ["dragover", "dragleave", "drop"]) {
    const dropped = (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      const here = visible && session.name !== null;
      find("drop").classList.toggle("over", here && type === "dragover");
      if (here && type === "drop") take(event.dataTransfer.files);
    };
    addEventListener(type, dropped, true);
  }
  find("files").onchange = ({ target }) => {
    take(target.files);
    target.value = "";
  };
  find("more").onclick = () => list(0, cursor);
  find("new-document").onclick = newDocument;
  find("export").onclick = () => shown(notice, exported);
  find("delete-collection").onclick = () => {
    const { name, documents = 0 } = session.collection ?? session;
    confirm(find("prompt"), {
      title: `Delete ${name}?`,
      text: `The collection and its ${count(documents, "document")} are gone for good.`,
      submit: "Delete",
      onsubmit: async () => {
        await ask("DELETE", inside(name));
        await reload();
      },
    });
  };
  onChange((stale) => {
    head();
    if (name !== session.name) {
      name = session.name;
      turn();
      filters.clear();
      place.replaceChildren();
      find("more").hidden = true;
    }
    if (stale) relist();
  });
  return {
    show() {
      visible = true;
      relist();
    },
    hide: () => (visible = false),
  };
}

// By the browser itself, straight to the disk; with a key through this page, since a link carries no header.
async function exported() {
  const path = `${inside(session.name)}/export`;
  const link = el("a", { href: address(path), download: `${session.name}.ndjson` });
  if (key()) link.href = URL.createObjectURL(await (await ask("GET", path)).blob());
  link.click();
  if (key()) setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
