// How the model reads one text: its tokens, what a limit would cut, and the passages that a document with it would have.
import { el } from "./dom.js";
import { clipped, count, whole } from "./format.js";

const SHOWN = 800; // tokens

// tokens    as /tokenize gives them, with offsets in code points
// passages  {start, end} in code points
export function reading(name, text, tokens, passages, limit) {
  const points = Array.from(text);
  const slice = (start, end) => points.slice(start, end).join("");
  const special = tokens.filter((token) => token.special).length;
  const own = tokens.filter((token) => !token.special);
  const kept = limit - special; // special tokens take their part of the window
  const over = Math.max(0, own.length - kept);

  const strip = [];
  let at = 0;
  for (const [index, { id, start, stop }] of own.slice(0, SHOWN).entries()) {
    if (start > at) strip.push(slice(at, start));
    const cut = index >= kept;
    strip.push(el(cut ? "span.token.cut" : "span.token", { title: `token ${id}${cut ? ", cut" : ""}` }, slice(start, stop)));
    at = Math.max(at, stop);
  }
  const within = ({ start, end }) => own.filter((token) => token.start >= start && token.stop <= end).length + special;

  return el("section.reading", null,
    el("h2", null, `Text ${name} `, el("small.quiet", null, `${count(tokens.length, "token")}, ${special} of them special`)),
    el("meter", { min: 0, max: limit, value: Math.min(limit, tokens.length), "aria-label": `Tokens of text ${name} within the limit` }),
    el(over ? "p.warn" : "p.quiet", null,
      over
        ? `The model reads ${limit}. Under /v1/embeddings the last ${whole(over)} would be cut with truncate, and the text be refused without.`
        : `The model reads up to ${limit}: nothing is cut.`,
    ),
    el("p.strip", { tabindex: 0, role: "group", dir: "auto", "aria-label": `Tokens of text ${name}` }, strip, own.length > SHOWN && el("span.quiet", null, ` and ${whole(own.length - SHOWN)} more`)),
    passages.length > 1 && [
      el("p.quiet", null, `As a document it has ${count(passages.length, "passage")}, and all of it is found:`),
      el("ol.passages", null,
        passages.map((span) =>
          el("li", null,
            el("span.quiet", null, `${whole(span.start)} to ${whole(span.end)}, ${count(within(span), "token")}`),
            el("span", { dir: "auto" }, clipped(slice(span.start, span.end), 130)),
          ),
        ),
      ),
    ],
  );
}
