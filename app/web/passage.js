// A text with its passage marked, and the words of a query in it set in bold.
import { el } from "./dom.js";

const AROUND = 90; // characters shown before and after a passage

// As keyword search folds words, near enough: case and diacritics aside, no stemming.
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

export const wordsOf = (query) => new Set(folded(query).match(/[\p{L}\p{N}]+/gu) ?? []);

function emphasised(text, words) {
  if (!words?.size) return [text];
  return text.split(/([\p{L}\p{N}\p{M}]+)/u).map((part) => (words.has(folded(part)) ? el("b", null, part) : part));
}

// passage  {start, end} in code points, as the interface counts
// whole    the whole text, else what is around the passage
export function marked(text, passage, words, { whole = false } = {}) {
  const points = Array.from(text);
  const { start, end } = passage;
  if (start === 0 && end >= points.length) return emphasised(text, words);
  const from = whole ? 0 : Math.max(0, start - AROUND);
  const to = whole ? points.length : Math.min(points.length, end + AROUND);
  const part = (low, high) => emphasised(points.slice(low, high).join(""), words);
  return [from > 0 && "…",...part(from, start), el("mark", null, part(start, end)),...part(end, to), to < points.length && "…"];
}
