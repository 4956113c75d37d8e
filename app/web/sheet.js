// A dialog with a title, a form and its buttons; closed by Escape, by its cross, or once its work is done, not during it.
import { el, find } from "./dom.js";
import { problem } from "./notice.js";

// onsubmit  may be async; the sheet closes unless it throws, and then says what was wrong
// extra     further buttons, left of the others
export function open(dialog, { title, body, submit, danger = false, extra = [], onsubmit, onclose }) {
  const notice = el("div");
  let busy = false;
  const button = submit && el(danger ? "button.danger" : "button.primary", { type: "submit" }, submit);
  const form = el("form", null,
    el("header", null,
      el("h2", { id: `${dialog.id}-title` }, title),
      el("button.icon", { "aria-label": "Close", onclick: () => dialog.close() }, "×"),
    ),
    el("div.sheet-body", null, body, notice),
    el("footer", null, extra, el("span.grow"), submit && el("button", { onclick: () => dialog.close() }, "Cancel"), button),
  );
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (busy) return;
    work(true);
    notice.replaceChildren();
    try {
      await onsubmit();
      if (form.isConnected) dialog.close();
    } catch (error) {
      (form.isConnected ? notice : find("page-notice")).replaceChildren(problem(error));
    } finally {
      work(false);
    }
  };
  // The button itself stays enabled, or it would lose the focus.
  function work(on) {
    busy = on;
    form.ariaBusy = on;
    for (const each of form.querySelectorAll("[type=button]")) each.disabled = on;
  }
  dialog.oncancel = dialog.onkeydown = (event) => {
    if (busy && [undefined, "Escape"].includes(event.key)) event.preventDefault();
  };
  dialog.onclose = () => {
    dialog.replaceChildren();
    onclose?.();
  };
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
  (form.querySelector("input:not([readonly]), textarea") ?? form.querySelector("button")).focus();
}

export const labelled = (name, field) => [el("label", { for: field.id }, name), field];

// Ask before something that cannot be undone.
export function confirm(dialog, { title, text, submit, onsubmit }) {
  open(dialog, { title, body: [el("p", null, text)], submit, danger: true, onsubmit });
}
