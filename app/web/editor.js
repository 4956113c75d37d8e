// One document: read it with its passage marked, edit it, delete it; or write a new one.
import { Problem, get, inside, isAborted, post } from "./api.js";
import { el, find, turns } from "./dom.js";
import { count, moment, whole } from "./format.js";
import { problem } from "./notice.js";
import { marked } from "./passage.js";
import { reload, session } from "./session.js";
import { confirm, labelled, open } from "./sheet.js";

const sheet = () => find("editor");
const turn = turns(); // of the sheet: what is read for it comes too late once it holds something else

// passage, words  what a search found in it, where it comes from one
export async function readDocument(id, { passage, words } = {}) {
  const { name } = session;
  const signal = turn();
  try {
    const document = await get(`${inside(name, "documents", id)}?vectors=true`, { signal });
    const { text, metadata, passages } = document;
    open(sheet(), {
      title: id,
      body: [
        el("p.document-text", { tabindex: "0", dir: "auto" }, passage ? marked(text, passage, words, { whole: true }) : text),
        Object.keys(metadata).length > 0 && el("pre.metadata", { tabindex: "0" }, JSON.stringify(metadata, null, 2)),
        el("p.quiet", null,
          `${count(Array.from(text).length, "character")}, ${count(passages.length, "passage")}, `,
          `kept ${moment(document.updated_at_unix_s)}`,
        ),
        passages.length > 1 &&
          el("ol.passages", null,
            passages.map(({ start, end }) => el("li.quiet", null, `characters ${whole(start)} to ${whole(end)}`)),
          ),
      ],
      extra: [
        el("button", { onclick: () => edit(name, document) }, "Edit"),
        el("button.danger", { onclick: () => remove(name, id) }, "Delete"),
      ],
    });
  } catch (error) {
    if (!isAborted(error)) open(sheet(), { title: id, body: [problem(error)] });
  }
}

export const newDocument = () => edit(session.name, { id: "", text: "", metadata: {} }, true);

function edit(name, { id, text, metadata }, isNew = false) {
  turn();
  const fields = {
    id: el("input", { id: "field-id", value: id, readonly: !isNew, placeholder: "Made where it is left empty", maxlength: 512 }),
    text: el("textarea", { id: "field-text", rows: 10, required: true }),
    metadata: el("textarea.code", { id: "field-metadata", rows: 5, spellcheck: "false" }),
  };
  fields.text.value = text;
  fields.metadata.value = JSON.stringify(metadata, null, 2);
  open(sheet(), {
    title: isNew ? "New document" : `Edit ${id}`,
    body: [
      labelled("Id", fields.id),
      labelled("Text", fields.text),
      labelled("Metadata, as a JSON object", fields.metadata),
    ],
    submit: "Save",
    onsubmit: async () => {
      const document = { text: fields.text.value, metadata: parsed(fields.metadata.value) };
      if (fields.id.value) document.id = fields.id.value;
      await post(`${inside(name)}/documents`, { documents: [document] });
      await reload();
    },
  });
}

function parsed(text) {
  try {
    return JSON.parse(text.trim() || "{}");
  } catch (error) {
    throw new Problem(`The metadata is not JSON: ${error.message}`);
  }
}

function remove(name, id) {
  confirm(sheet(), {
    title: `Delete ${id}?`,
    text: "The document and its vectors are gone for good.",
    submit: "Delete",
    onsubmit: async () => {
      // By a body: an id may hold what an address cannot.
      await post(`${inside(name)}/documents/delete`, { ids: [id] });
      await reload();
    },
  });
}
