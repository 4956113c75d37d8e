// Texts beside each other: how near they are, and what the model reads of each.
import { isAborted, post } from "./api.js";
import { debounced, el, find } from "./dom.js";
import { heatMap } from "./heat.js";
import { problem } from "./notice.js";
import { reading } from "./reading.js";
import { session } from "./session.js";

const TYPING_MS = 250;
const MOST = 12;
const EXAMPLES = ["A cat sleeps on the sofa.", "The kitten is napping on a couch.", "Bake the bread in a very hot oven."];

export function compareView() {
  let running = new AbortController();
  let started = false;

  const fields = () => [...find("texts").querySelectorAll("textarea")];

  async function compare() {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const texts = fields().map((field, index) => ({ name: letter(index), text: field.value })).filter(({ text }) => text.trim());
    if (!texts.length) {
      find("heat").replaceChildren();
      find("readings").replaceChildren();
      return;
    }
    const given = texts.map(({ text }) => text);
    try {
      const [embeddings, tokens, { passages }] = await Promise.all([
        post("v1/embeddings", { model: session.model.name, input: given, truncate: true }, { signal }),
        post("tokenize", { inputs: given }, { signal }),
        post("v1/passages", { texts: given }, { signal }),
      ]);
      const vectors = embeddings.data.map(({ embedding }) => embedding);
      find("compare-notice").replaceChildren();
      find("heat").replaceChildren(texts.length > 1 ? heatMap(texts.map(({ name }) => name), vectors) : "");
      find("readings").replaceChildren(
        ...texts.map(({ name, text }, index) => reading(name, text, tokens[index], passages[index], session.model.max_tokens)),
      );
    } catch (error) {
      if (!isAborted(error)) find("compare-notice").replaceChildren(problem(error, compare));
    }
  }

  const later = debounced(compare, TYPING_MS);

  function add(text = "") {
    const field = el("textarea", { rows: 3, oninput: later });
    field.value = text;
    const remove = el("button.plain", { type: "button" }, "Remove");
    const box = el("div.text", null, el("p", null, el("label"), remove), field);
    remove.addEventListener("click", () => {
      box.remove();
      name();
      fields()[0].focus();
      compare();
    });
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

  find("add-text").addEventListener("click", () => add().focus());
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
