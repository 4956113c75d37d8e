// Starts the page: waits for the service, loads the collections, opens the view that the address names.
import { address } from "./api.js";
import { startCollections } from "./collections.js";
import { compareView } from "./compare.js";
import { documentsView } from "./documents.js";
import { el, find } from "./dom.js";
import { forgetKey, key } from "./key.js";
import { mapView } from "./map.js";
import { problem } from "./notice.js";
import { searchView } from "./search.js";
import { session } from "./session.js";
import { stateView } from "./state.js";
import { tabs } from "./tabs.js";

const HEALTH_MS = 15_000;

const health = () =>
  fetch(address("health"))
    .then((response) => response.json())
    .catch(() => null);

async function ready() {
  for (;;) {
    const found = await health();
    showHealth(found?.status);
    const ready = found?.status === "ready";
    find("page-notice").replaceChildren(
      ready ? "" : el("p.hint", null, found ? `The service is not ready yet: ${found.reason}.` : "The service does not answer. Trying again…"),
    );
    if (ready) return found;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

function showHealth(state = "away") {
  if (find("health").dataset.state === state) return; // or it would be read out again
  find("health").dataset.state = state;
  find("health-text").textContent = { ready: "Ready", away: "Not reached" }[state] ?? "Starting";
}

// While nobody asks for anything else.
async function look() {
  if (!document.hidden) showHealth((await health())?.status);
}

async function start() {
  find("forget-key").hidden = !key();
  find("forget-key").onclick = forgetKey;
  session.model = (await ready()).model;
  document.addEventListener("away", () => showHealth("away"));
  document.addEventListener("reached", () => showHealth("ready"));
  document.addEventListener("visibilitychange", look);
  setInterval(look, HEALTH_MS);
  const views = { map: mapView(), search: searchView(), documents: documentsView(), compare: compareView(), state: stateView() };
  const view = tabs(views);
  startCollections(view);
  await view.follow();
}

start().catch((error) => {
  find("page-notice").replaceChildren(problem(error, () => location.reload()));
  throw error;
});
