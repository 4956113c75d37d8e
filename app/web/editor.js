// One document: read it with its passage marked, edit it, delete it; or write a new one.
import { Problem, get, inside, post } from "./api.js";
import { el, find } from "./dom.js";
import { count, moment, whole } from "./format.js";
import { problem } from "./notice.js";
import { marked } from "./passage.js";
import { reload, session } from "./session.js";
import { confirm, open } from "./sheet.js";

const sheet = () => find("editor");

// passage, words  what a search found in it, where it comes from one
export async function readDocument(id, { passage, words } = {}) {
  try {
    const document = await get(`${inside(session.name, "documents", id)}?vectors=true`);
    const { text, metadata, passages } = document;
    open(sheet(), {
      title: id,
      body: [
        el("p.document-text", { tabindex: "0" }, passage ? marked(text, passage, words, { whole: true }) : text),
        Object.keys(metadata).length > 0 && el("pre.metadata", { tabindex: "0" }, JSON.stringify(metadata, null, 2)),
        el(
          "p.quiet",
          null,
          `${count(Array.from(text).length, "character")}, ${count(passages.length, "passage")}, `,
          `kept ${moment(document.updated_at_unix_s)}`,
        ),
        passages.length > 1 &&
          el(
            "ol.passages",
            null,
            passages.map(({ start, end }) => el("li.quiet", null, `characters ${whole(start)} to ${whole(end)}`)),
          ),
      ],
      extra: [
        el("button", { type: "button", onclick: () => edit(document) }, "Edit"),
        el("button.danger", { type: "button", onclick: () => remove(id) }, "Delete"),
      ],
    });
  } catch (error) {
    open(sheet(), { title: id, body: [problem(error)] });
  }
}

export const newDocument = () => edit({ id: "", text: "", metadata: {} }, true);

function edit({ id, text, metadata }, isNew = false) {
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
      el("label", { for: "field-id" }, "Id"),
      fields.id,
      el("label", { for: "field-text" }, "Text"),
      fields.text,
      el("label", { for: "field-metadata" }, "Metadata, as a JSON object"),
      fields.metadata,
    ],
    submit: "Save",
    onsubmit: async () => {
      const document = { text: fields.text.value, metadata: parsed(fields.metadata.value) };
      if (fields.id.value) document.id = fields.id.value;
      await post(`${inside(session.name)}/documents`, { documents: [document] });
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

function remove(id) {
  confirm(sheet(), {
    title: `Delete ${id}?`,
    text: "The document and its vectors are gone for good.",
    submit: "Delete",
    onsubmit: async () => {
      // By a body: an id may hold what an address cannot.
      await post(`${inside(session.name)}/documents/delete`, { ids: [id] });
      await reload();
    },
  });
}
