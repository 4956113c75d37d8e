// Starts the page: waits for the service, loads the collections, opens the view that the address names.
import { address } from "./api.js";
import { startCollections } from "./collections.js";
import { compareView } from "./compare.js";
import { documentsView } from "./documents.js";
import { el, find } from "./dom.js";
import { forgetKey, key } from "./key.js";
import { mapView } from "./map.js";
import { problem, shown } from "./notice.js";
import { searchView } from "./search.js";
import { reload, session } from "./session.js";
import { stateView } from "./state.js";
import { tabs } from "./tabs.js";

async function ready() {
  for (;;) {
    const health = await fetch(address("health")).then((response) => response.json(), () => null);
    say(health);
    if (health?.status === "ready") return health;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

function showHealth(state, text) {
  find("health").dataset.state = state;
  find("health-text").textContent = text;
}

function say(health) {
  const ready = health?.status === "ready";
  showHealth(health?.status ?? "away", ready ? "Ready" : health ? "Starting" : "Not reached");
  find("page-notice").replaceChildren(
    ready ? "" : el("p.hint", null, health ? `The service is not ready yet: ${health.reason}.` : "The service does not answer. Trying again…"),
  );
}

async function start() {
  find("forget-key").hidden = !key();
  find("forget-key").addEventListener("click", forgetKey);
  const health = await ready();
  session.model = health.model;
  document.addEventListener("away", () => showHealth("away", "Not reached"));
  document.addEventListener("reached", () => showHealth("ready", "Ready"));
  const views = {
    map: mapView(),
    search: searchView(),
    documents: documentsView(),
    compare: compareView(),
    state: stateView(),
  };
  const view = tabs(views);
  startCollections(view);
  const load = () => shown(find("page-notice"), () => reload(), load);
  await load();
  const asked = location.hash.slice(2);
  view.select(asked in views ? asked : "map");
}

start().catch((error) => {
  find("page-notice").replaceChildren(problem(error, () => location.reload()));
  throw error;
});
