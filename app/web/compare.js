// Texts beside each other: how near they are, and what the model reads of each.
import { post } from "./api.js";
import { debounced, el, find, turns } from "./dom.js";
import { count } from "./format.js";
import { heatMap } from "./heat.js";
import { shown } from "./notice.js";
import { reading } from "./reading.js";
import { session } from "./session.js";

const TYPING_MS = 250;
const MOST = 12;
const EXAMPLES = ["A cat sleeps on the sofa.", "The kitten is napping on a couch.", "Bake the bread in a very hot oven."];

export function compareView() {
  const turn = turns();
  let started = false;

  const fields = () => [...find("texts").querySelectorAll("textarea")];

  async function compare() {
    const signal = turn();
    const texts = fields().map((field, index) => ({ name: letter(index), text: field.value })).filter(({ text }) => text.trim());
    const given = texts.map(({ text }) => text);
    const answers = await shown(
      find("compare-notice"),
      async () =>
        given.length > 0 &&
        Promise.all([
          post("v1/embeddings", { model: session.model.name, input: given, truncate: true }, { signal }),
          post("tokenize", { inputs: given }, { signal }),
          post("v1/passages", { texts: given }, { signal }),
        ]),
      compare,
    );
    if (signal.aborted) return;
    const [embeddings, tokens, spans] = answers || [];
    const told = embeddings ? texts : [];
    const vectors = embeddings?.data.map(({ embedding }) => embedding);
    find("compare-spoken").textContent = embeddings ? `${count(told.length, "text")} compared` : "";
    find("heat").replaceChildren(told.length > 1 ? heatMap(told.map(({ name }) => name), vectors) : "");
    find("readings").replaceChildren(
      ...told.map(({ name, text }, index) => reading(name, text, tokens[index], spans.passages[index], session.model.max_tokens)),
    );
  }

  const later = debounced(compare, TYPING_MS);

  function add(text = "") {
    const field = el("textarea", { rows: 3, oninput: later });
    field.value = text;
    const remove = el("button.plain", null, "Remove");
    const box = el("div.text", null, el("p", null, el("label"), remove), field);
    remove.onclick = () => {
      box.remove();
      name();
      fields()[0].focus();
      compare();
    };
    find("texts").append(box);
    name();
    return field;
  }

  function name() {
    const boxes = [...find("texts").children];
    for (const [index, box] of boxes.entries()) {
      const [label, remove, field] = box.querySelectorAll("label, button, textarea");
      field.id = `text-${letter(index)}`;
      label.htmlFor = field.id;
      label.textContent = `Text ${letter(index)}`;
      remove.hidden = boxes.length < 3;
      remove.setAttribute("aria-label", `Remove text ${letter(index)}`);
    }
    find("add-text").disabled = boxes.length >= MOST;
  }

  find("add-text").onclick = () => add().focus();
  return {
    alone: true,
    show() {
      if (!started) for (const text of EXAMPLES) add(text);
      started = true;
      compare();
    },
  };
}

const letter = (index) => String.fromCharCode(65 + index);
