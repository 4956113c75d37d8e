// Search as you type: one query, the three modes side by side, filters by clicking, the request as code.
import { ask, inside, isAborted, served_s } from "./api.js";
import { debounced, el, find } from "./dom.js";
import { readDocument } from "./editor.js";
import { Filters } from "./filters.js";
import { count, duration } from "./format.js";
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
  let running = new AbortController();

  const body = (mode) => ({
    query: input.value.trim(),
    mode,
    ...(filters.value && { filter: filters.value }),
    limit: LIMIT,
  });

  async function search() {
    running.abort();
    running = new AbortController();
    const { signal } = running;
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
      show(Object.fromEntries(answers.map((each) => [each.mode, each])));
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
      Object.entries(answers).map(([mode, { hits }]) => [mode, new Map(hits.map(({ id }, index) => [id, index + 1]))]),
    );
    for (const [mode, { hits, took_s, truncated, error }] of Object.entries(answers)) {
      const said = error ? [] : [count(hits.length, "hit"), took_s && duration(took_s)];
      if (truncated) said.push(`the model read ${truncated.kept} of the query's ${truncated.tokens} tokens`);
      columns[mode].said.textContent = said.filter(Boolean).join(" · ");
      columns[mode].list.replaceChildren(
        ...hits.map((hit, index) =>
          hitCard(hit, {
            place: index + 1,
            mode,
            words: mode === "semantic" ? null : words,
            filters,
            elsewhere: elsewhere(mode, hit.id, places),
            read: (found) => readDocument(found.id, { passage: found.passage, words }),
            point,
          }),
        ),
      );
      columns[mode].notice.replaceChildren(error ? problem(error) : "");
      columns[mode].nothing.hidden = hits.length > 0 || Boolean(error);
      columns[mode].root.removeAttribute("aria-busy");
    }
    find("search-spoken").textContent = Object.entries(answers)
      .map(([mode, { hits }]) => `${mode}: ${count(hits.length, "hit")}`)
      .join(", ");
  }

  function elsewhere(mode, id, places) {
    return Object.keys(MODES)
      .filter((other) => other !== mode && other !== "hybrid" && mode !== "hybrid")
      .map((other) => (places[other].has(id) ? `${ordinal(places[other].get(id))} ${MODES[other]}` : `not among the first ${LIMIT} ${MODES[other]}`))
      .join(", ");
  }

  // The same document in the other columns.
  function point(id) {
    for (const card of find("columns").querySelectorAll(".hit")) card.classList.toggle("same", card.dataset.id === id);
  }

  function showCode() {
    const mode = find("request-mode").value;
    find("request-code").textContent = code(find("request-language").value, session.name, body(mode));
  }

  input.addEventListener("input", debounced(search, TYPING_MS));
  find("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  find("request-mode").addEventListener("change", showCode);
  find("request-language").addEventListener("change", showCode);
  find("request-copy").addEventListener("click", async ({ target }) => {
    await navigator.clipboard.writeText(find("request-code").textContent);
    target.textContent = "Copied";
    setTimeout(() => (target.textContent = "Copy"), 1500);
  });
  onChange(() => {
    const another = input.dataset.collection !== session.name;
    input.dataset.collection = session.name;
    if (another) filters.clear();
    search();
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
