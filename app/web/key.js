// The API key: asked for where the service wants one, kept for this tab's session, never in an address.
import { el, find } from "./dom.js";
import { labelled, open } from "./sheet.js";

const NAME = "vectorspace-key";
let asking = null;

export const key = () => sessionStorage.getItem(NAME) ?? "";

export function forgetKey() {
  sessionStorage.removeItem(NAME);
  location.reload();
}

// Whether there is a key now that was not tried. One question at a time, however many requests wait for its answer.
export function askForKey(reason, tried) {
  if (key() !== tried) return Promise.resolve(true);
  asking ??= question(reason).finally(() => (asking = null));
  return asking;
}

function question(reason) {
  return new Promise((resolve) => {
    const input = el("input", { type: "password", id: "key", autocomplete: "off", required: true });
    let given = false;
    open(find("key-sheet"), {
      title: "This service needs a key",
      body: [
        el("p.quiet", null, reason),
        labelled("API key", input),
        el("p.quiet", null, "Kept in this tab until it is closed, and sent in a header only."),
      ],
      submit: "Use this key",
      onsubmit: () => {
        sessionStorage.setItem(NAME, input.value.trim());
        find("forget-key").hidden = false;
        given = true;
      },
      onclose: () => resolve(given),
    });
  });
}
