// What went wrong, in words, with the id under which the service's log has it; and what went well, briefly.
import { el } from "./dom.js";

const HINTS = {
  429: "The service is busy: it helps to wait a moment.",
  503: "The service is starting, or shutting down.",
  507: "Make room on its disk, or enlarge the volume.",
};

export function problem(error, retry) {
  const hint = HINTS[error.status];
  return el("div.problem", { role: "alert" },
    el("p", null, sentence(error.message)),
    hint && el("p.quiet", null, hint),
    error.requestId && el("p.quiet", null, "Request ", el("code", null, error.requestId)),
    retry && el("button", { onclick: retry }, "Try again"),
  );
}

// Run `work`; what it throws is shown in `place`, but for what was given up on purpose.
export async function shown(place, work, retry) {
  try {
    const result = await work();
    place.replaceChildren();
    return result;
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    // The same again is left, or it would be read out again.
    const same = place.retry === retry && place.querySelector("p")?.textContent === sentence(error.message);
    if (!same) place.replaceChildren(problem(error, retry));
    place.retry = retry;
    return undefined;
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
