// The documents of a collection: files dropped in, a list to leaf through, export, deletion.
import { address, ask, get, inside } from "./api.js";
import { el, find } from "./dom.js";
import { newDocument, readDocument } from "./editor.js";
import { Filters } from "./filters.js";
import { clipped, count, moment } from "./format.js";
import { importFile } from "./importlist.js";
import { key } from "./key.js";
import { shown } from "./notice.js";
import { onChange, reload, session } from "./session.js";
import { confirm } from "./sheet.js";

const PAGE = 50;

export function documentsView() {
  const notice = find("documents-notice");
  const filters = new Filters(find("document-filters"), () => list());
  let cursor = null;
  let visible = false;
  let running = new AbortController();

  async function list(more = false) {
    if (!visible || session.name === null) return;
    running.abort();
    running = new AbortController();
    const query = new URLSearchParams({ limit: PAGE });
    if (filters.value) query.set("filter", JSON.stringify(filters.value));
    if (more) query.set("cursor", cursor);
    await shown(
      notice,
      async () => {
        const page = await get(`${inside(session.name, "documents")}?${query}`, { signal: running.signal });
        const rows = page.documents.map(row);
        if (more) find("rows").append(...rows);
        else find("rows").replaceChildren(...(rows.length ? rows : [nothing()]));
        cursor = page.cursor;
        find("more").hidden = cursor === null;
        if (more) rows[0]?.querySelector("button").focus();
      },
      () => list(more),
    );
  }

  const row = (document) =>
    el(
      "article.row",
      null,
      el("button.link.row-id", { type: "button", onclick: () => readDocument(document.id), title: document.id }, document.id),
      el("p.row-text", null, clipped(document.text, 300) || el("em.quiet", null, "no text, vectors only")),
      el("div.row-foot", null, filters.chips(document.metadata), el("time.quiet", null, moment(document.updated_at_unix_s))),
    );

  const nothing = () =>
    el("p.hint", null, filters.value ? "No document matches these filters." : "No documents yet: drop a file above, or write one.");

  function head() {
    const collection = session.collection;
    if (!collection) return;
    find("documents-title").textContent = collection.name;
    find("documents-about").textContent = [
      count(collection.documents, "document"),
      count(collection.passages, "passage"),
      `${collection.model}, ${collection.dimension} numbers, ${collection.distance}`,
    ].join(" · ");
  }

  function take(files) {
    for (const file of files) importFile(find("imports"), session.name, file);
  }

  const drop = find("drop");
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files);
  });
  find("files").addEventListener("change", ({ target }) => {
    take(target.files);
    target.value = "";
  });
  find("more").addEventListener("click", () => list(true));
  find("new-document").addEventListener("click", newDocument);
  find("export").addEventListener("click", () => shown(notice, exported));
  find("delete-collection").addEventListener("click", () => {
    const { name, documents } = session.collection;
    confirm(find("prompt"), {
      title: `Delete ${name}?`,
      text: `The collection and its ${count(documents, "document")} are gone for good.`,
      submit: "Delete",
      onsubmit: async () => {
        await ask("DELETE", inside(name));
        await reload();
      },
    });
  });
  onChange(() => {
    head();
    if (find("rows").dataset.collection !== session.name) {
      find("rows").dataset.collection = session.name;
      filters.clear();
    }
    list();
  });
  return {
    show() {
      visible = true;
      list();
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
