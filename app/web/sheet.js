// A dialog with a title, a form and its buttons; closed by Escape, by its cross, or once its work is done.
import { el } from "./dom.js";
import { problem } from "./notice.js";

// onsubmit  may be async; the sheet closes unless it throws, and then says what was wrong
// extra     further buttons, left of the others
export function open(dialog, { title, body, submit, danger = false, extra = [], onsubmit, onclose }) {
  const notice = el("div");
  const button = submit && el(danger ? "button.danger" : "button.primary", { type: "submit" }, submit);
  const form = el(
    "form",
    null,
    el(
      "header",
      null,
      el("h2", { id: `${dialog.id}-title` }, title),
      el("button.icon", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, "×"),
    ),
    el("div.sheet-body", null, body, notice),
    el(
      "footer",
      null,
      extra,
      el("span.grow"),
      submit && el("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      button,
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    notice.replaceChildren();
    try {
      await onsubmit();
      dialog.close();
    } catch (error) {
      notice.replaceChildren(problem(error));
    } finally {
      button.disabled = false;
    }
  });
  dialog.onclose = () => {
    dialog.replaceChildren();
    onclose?.();
  };
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
}

// Ask before something that cannot be undone.
export function confirm(dialog, { title, text, submit, onsubmit }) {
  open(dialog, { title, body: [el("p", null, text)], submit, danger: true, onsubmit });
}
