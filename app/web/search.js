// Search as you type: one query, the three modes side by side, filters by clicking, the request as code.
import { ask, inside, isAborted, served_s } from "./api.js";
import { debounced, el, find, refill, turns } from "./dom.js";
import { readDocument } from "./editor.js";
import { Filters } from "./filters.js";
import { count, duration, joined } from "./format.js";
import { hitCard, ordinal } from "./hit.js";
import { problem } from "./notice.js";
import { wordsOf } from "./passage.js";
import { code } from "./request.js";
import { onChange, session } from "./session.js";

const MODES = { semantic: "by meaning", hybrid: "by both", keyword: "by words" };
const TYPING_MS = 160;
const LIMIT = 10;

export function searchView() {
  const input = find("query");
  const filters = new Filters(find("filters"), () => search());
  const columns = Object.fromEntries(Object.entries(MODES).map(([mode, how]) => [mode, column(mode, how)]));
  find("columns").replaceChildren(...Object.values(columns).map((each) => each.root));
  const turn = turns();

  let name = null; // of the collection that was searched

  const body = (mode) => ({ query: input.value.trim(), mode,...(filters.value && { filter: filters.value }), limit: LIMIT });

  async function search() {
    const signal = turn();
    const asked = input.value.trim() !== "" && session.name !== null;
    find("columns").hidden = find("request").hidden = !asked;
    find("search-hint").hidden = asked;
    find("search-notice").replaceChildren();
    if (!asked) return;
    showCode();
    for (const each of Object.values(columns)) each.root.setAttribute("aria-busy", "true");
    try {
      const answers = await Promise.all(Object.keys(MODES).map((mode) => one(mode, signal)));
      if (answers.every(({ error }) => error)) throw answers[0].error;
      show(answers);
    } catch (error) {
      if (isAborted(error)) return;
      find("columns").hidden = true;
      find("search-notice").replaceChildren(problem(error, search));
    }
  }

  // A mode may fail alone: where a collection's vectors are of another model, keywords still find.
  async function one(mode, signal) {
    try {
      const response = await ask("POST", `${inside(session.name)}/search`, { json: body(mode), signal });
      return { took_s: served_s(response), ...(await response.json()) };
    } catch (error) {
      if (isAborted(error)) throw error;
      return { mode, hits: [], error };
    }
  }

  function show(answers) {
    const words = wordsOf(input.value);
    const places = Object.fromEntries(
      answers
        .filter(({ error }) => !error)
        .map(({ mode, hits }) => [mode, new Map(hits.map(({ id }, index) => [id, index + 1]))]),
    );
    for (const { mode, hits, took_s, truncated, words_left_out, error } of answers) {
      columns[mode].said.textContent = joined(
        !error && count(hits.length, "hit"),
        took_s && duration(took_s),
        truncated && `the model read ${truncated.kept} of the query's ${truncated.tokens} tokens`,
        words_left_out && `${count(words_left_out, "word")} too many to look for`,
      );
      const cards = hits.map((hit, index) =>
        hitCard(hit, {
          place: index + 1,
          mode,
          words: mode === "semantic" ? null : words,
          filters,
          elsewhere: elsewhere(mode, hit.id, places),
          read: (found) => readDocument(found.id, { passage: found.passage, words }),
          point,
        }),
      );
      refill(columns[mode].list, cards);
      columns[mode].notice.replaceChildren(error ? problem(error, search) : "");
      columns[mode].nothing.hidden = hits.length > 0 || Boolean(error);
      columns[mode].root.removeAttribute("aria-busy");
    }
    find("search-spoken").textContent = answers.map(({ mode, hits }) => `${mode}: ${count(hits.length, "hit")}`).join(", ");
  }

  function elsewhere(mode, id, places) {
    const other = { semantic: "keyword", keyword: "semantic" }[mode];
    if (!places[other]) return "";
    const place = places[other].get(id);
    return `${place ? ordinal(place) : `not among the first ${LIMIT}`} ${MODES[other]}`;
  }

  // The same document in the other columns.
  function point(id) {
    for (const card of find("columns").querySelectorAll(".hit")) card.classList.toggle("same", card.dataset.id === id);
  }

  function showCode() {
    const mode = find("request-mode").value;
    find("request-code").textContent = code(find("request-language").value, session.name, body(mode));
  }

  input.oninput = debounced(search, TYPING_MS);
  find("ask").onsubmit = (event) => {
    event.preventDefault();
    search();
  };
  find("request-mode").onchange = showCode;
  find("request-language").onchange = showCode;
  find("request-copy").onclick = async ({ target }) => {
    const shown = find("request-code");
    let done = true;
    try {
      await navigator.clipboard.writeText(shown.textContent);
    } catch {
      // Over plain http there is no clipboard, and what is selected is copied.
      getSelection().selectAllChildren(shown);
      done = document.execCommand("copy");
    }
    find("search-spoken").textContent = target.textContent = done ? "Copied" : "Selected: press Ctrl+C";
    setTimeout(() => (target.textContent = "Copy"), 3000);
  };
  onChange((stale) => {
    if (name !== session.name) {
      name = session.name;
      filters.clear();
      for (const each of Object.values(columns)) each.list.replaceChildren();
    }
    if (stale) search();
  });
  return { show: (byKeys) => byKeys || input.focus({ preventScroll: true }) };
}

function column(mode, how) {
  const said = el("p.quiet");
  const list = el("ol.hits", { "aria-labelledby": `mode-${mode}` });
  const notice = el("div");
  const nothing = el("p.quiet.nothing", { hidden: true }, "Nothing found.");
  const heading = el("h2", { id: `mode-${mode}` }, mode, el("small", null, how));
  const root = el("section.column", { "data-mode": mode }, heading, said, notice, list, nothing);
  return { root, said, notice, list, nothing };
}
