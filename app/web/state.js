// How the service does: model, memory, queue, index, rates and latency, asked again while somebody looks.
import { ask, get } from "./api.js";
import { Chart } from "./chart.js";
import { el, find } from "./dom.js";
import { bytes, count, duration, whole } from "./format.js";
import { increase, parse, quantile, total } from "./metrics.js";
import { shown } from "./notice.js";

const EVERY_MS = 3000;
const KEPT = 100; // five minutes
const LATENCY = "vectorspace_http_request_duration_seconds";

// What this page and health checks ask is not what the service is for.
const work = ({ route }) => !["/metrics", "/health", "/live", "/info", "/", "/web/{name}"].includes(route);
const rate = (number) => (number < 10 ? number.toFixed(1) : whole(Math.round(number)));

const INDEX = {
  opening: "Opening: search is exact meanwhile, and slower.",
  ready: "Ready.",
  rebuilding: "It is made anew: search is exact meanwhile, and slower.",
  failed: "Failed: search is exact, and slower. The reason is below.",
};

export function stateView() {
  const charts = {
    requests: new Chart("Requests", "a second", rate, KEPT),
    latency: new Chart("Latency", "half are faster", duration, KEPT),
    texts: new Chart("Texts embedded", "a second", rate, KEPT),
    queue: new Chart("Queue", "texts that wait", whole, KEPT),
    memory: new Chart("Memory", "resident", bytes, KEPT),
    cache: new Chart("Cache", "of the texts were known", (share) => `${Math.round(share * 100)} %`, KEPT),
  };
  find("charts").replaceChildren(...Object.values(charts).map((each) => each.root));
  let timer = null;
  let before = null; // {metrics, at_s}
  let info = null;

  async function look() {
    clearTimeout(timer);
    await shown(find("state-notice"), () => read().catch(failed), go);
    if (timer !== null) timer = setTimeout(look, EVERY_MS);
  }

  async function read() {
    info ??= await get("info");
    const [health, response] = await Promise.all([get("health"), ask("GET", "metrics")]);
    const now = { metrics: parse(await response.text()), at_s: performance.now() / 1000 };
    draw(now);
    tell(health, now.metrics);
    before = now;
  }

  function failed(error) {
    if (error.status === 401) stop(); // who gave no key is not asked again and again
    throw error;
  }

  function draw({ metrics, at_s }) {
    charts.queue.add(total(metrics, "vectorspace_queue_texts") ?? 0);
    charts.memory.add(total(metrics, "process_resident_memory_bytes"));
    if (before === null) return;
    const past = before.metrics;
    const seconds = at_s - before.at_s;
    const grown = (name, which) => increase(metrics, past, name, which);
    charts.requests.add(grown("vectorspace_http_requests_total", work) / seconds);
    const p99 = quantile(metrics, past, LATENCY, 0.99, work);
    charts.latency.add(quantile(metrics, past, LATENCY, 0.5, work), p99 === null ? "" : `99 % within ${duration(p99)}`);
    charts.texts.add(grown("vectorspace_requested_texts_total") / seconds);
    const hits = grown("vectorspace_cache_hits_total");
    const asked = hits + grown("vectorspace_cache_misses_total");
    charts.cache.add(asked > 0 ? hits / asked : null);
  }

  function tell(health, metrics) {
    const { model, store, version, uptime_s } = health;
    find("state-about").textContent = `VectorSpace ${version}, up for ${duration(uptime_s)}`;
    const number = (name) => total(metrics, name) ?? 0;
    const { index } = store;
    const behind = index.behind > 0 && `${count(index.behind, "change")} not yet in it; search is exact for them.`;
    find("facts").replaceChildren(
      facts("Model", {
        Name: model.name,
        Origin: info.model_id,
        Precision: model.precision,
        Dimension: count(model.dimension, "number"),
        "Reads at most": count(model.max_tokens, "token"),
      }),
      facts("Kept", {
        Collections: whole(store.collections),
        Documents: whole(store.documents),
        Passages: whole(number("vectorspace_passages")),
        Ledger: bytes(number("vectorspace_ledger_bytes")),
      }),
      facts("Index", {
        State: [INDEX[index.state], behind].filter(Boolean).join(" "),
        ...(index.detail && { Reason: index.detail }),
        Rebuilt: `${count(number("vectorspace_index_rebuilds_total"), "time")} since the start`,
      }),
      facts("Since the start", {
        Requests: whole(total(metrics, "vectorspace_http_requests_total", work) ?? 0),
        "Texts encoded": whole(number("vectorspace_encoded_texts_total")),
        "Refused as busy": whole(number("vectorspace_refused_requests_total")),
        Failed: whole(total(metrics, "vectorspace_http_requests_total", (each) => work(each) && each.status.startsWith("5")) ?? 0),
        Cache: `${whole(number("vectorspace_cache_entries"))} vectors, ${bytes(number("vectorspace_cache_bytes"))}`,
      }),
    );
  }

  const stop = () => {
    clearTimeout(timer);
    timer = null;
  };
  const go = () => {
    timer = 0;
    look();
  };
  let open = false;
  document.addEventListener("visibilitychange", () => open && (document.hidden ? stop() : go()));
  return {
    alone: true,
    show() {
      open = true;
      go();
    },
    hide() {
      open = false;
      stop();
    },
  };
}

const facts = (title, values) =>
  el("section", null,
    el("h2", null, title),
    el("dl", null, Object.entries(values).flatMap(([name, value]) => [el("dt", null, name), el("dd", null, value)])),
  );
