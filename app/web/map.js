// The map: documents as points, coloured by a field or by cluster, with what a search finds lit up.
import { get, inside, isAborted, post } from "./api.js";
import { debounced, el, find } from "./dom.js";
import { readDocument } from "./editor.js";
import { clipped, count, whole } from "./format.js";
import { watchGestures } from "./gestures.js";
import { CLUSTER, fieldsOf, grouped } from "./groups.js";
import { showLegend } from "./legend.js";
import { MapList } from "./maplist.js";
import { problem, shown } from "./notice.js";
import { Plane } from "./plane.js";
import { onChange, session } from "./session.js";

const TYPING_MS = 200;
const HITS = 12;
const ZOOM = 1.5;

export function mapView() {
  const plane = new Plane(find("canvas"));
  const tip = find("map-tip");
  const notice = find("map-notice");
  const layout = find("layout");
  const colourBy = find("colour-by");
  const query = find("map-query");
  const list = new MapList(plane, { choose, open });
  let visible = false;
  let stale = true;
  let loading = new AbortController();
  let searching = new AbortController();

  async function load() {
    if (!visible || !stale || session.name === null) return;
    loading.abort();
    loading = new AbortController();
    const { signal } = loading;
    find("map-caption").textContent = "Drawing the map…";
    const map = await shown(notice, () => get(`${inside(session.name)}/map?layout=${layout.value}`, { signal }), load);
    if (!map) {
      if (!signal.aborted) find("map-caption").textContent = "";
      return;
    }
    stale = false;
    show(map);
    await light();
  }

  function show(map) {
    const another = find("plane").dataset.collection !== session.name;
    find("plane").dataset.collection = session.name;
    if (another) plane.viewport.fit();
    const chosen = plane.points[plane.chosen]?.id;
    plane.hits = plane.query = null;
    plane.show(map.points);
    offerColours(map.points, another);
    recolour();
    const index = another ? -1 : map.points.findIndex(({ id }) => id === chosen);
    choose(index < 0 ? null : index);
    find("map-caption").textContent = caption(map);
    if (map.points.length === 0) {
      notice.replaceChildren(el("p.hint", null, "No documents yet. Drop a file under Documents, and they show here."));
    }
  }

  function caption({ documents, shown: points, sampled, variance }) {
    const parts = [sampled ? `${whole(points)} of ${count(documents, "document")} shown, a sample` : count(documents, "document")];
    parts.push(
      variance
        ? `${Math.round(100 * (variance[0] + variance[1]))} % of the variance in these two directions`
        : "near means alike, far and directions mean nothing",
    );
    return parts.join(" · ");
  }

  // What was chosen stays, in the same collection.
  function offerColours(points, another) {
    const before = colourBy.value;
    const fields = fieldsOf(points);
    const options = [...fields.map(({ key }) => [key, key]), [CLUSTER, "Cluster"]];
    const first = fields.find(({ fits }) => fits)?.key ?? CLUSTER;
    const chosen = !another && options.some(([value]) => value === before) ? before : first;
    colourBy.replaceChildren(...options.map(([value, name]) => el("option", { value, selected: value === chosen }, name)));
  }

  function recolour() {
    Object.assign(plane, grouped(plane.points, colourBy.value), { only: null });
    restyle();
    list.show();
  }

  function restyle() {
    plane.restyle();
    showLegend(find("legend"), plane, () => {
      plane.redraw();
      list.show();
    });
  }

  // What is searched for: its hits, by meaning as the map is, and where it falls itself.
  async function light() {
    searching.abort();
    searching = new AbortController();
    const { signal } = searching;
    const text = query.value.trim();
    if (!text || plane.points.length === 0) {
      plane.hits = plane.query = null;
      find("map-found").textContent = "";
      find("map-hits").replaceChildren();
      plane.redraw();
      list.show();
      return;
    }
    try {
      const [{ hits }, place] = await Promise.all([
        post(`${inside(session.name)}/search`, { query: text, mode: "semantic", limit: HITS, include: ["passage"] }, { signal }),
        post(`${inside(session.name)}/map/place`, { query: text, layout: layout.value }, { signal }),
      ]);
      const indexes = new Map(plane.points.map(({ id }, index) => [id, index]));
      const on = hits.filter(({ id }) => indexes.has(id));
      plane.query = { ...place, text: clipped(text, 40) };
      plane.hits = new Map(on.map((hit) => [indexes.get(hit.id), hits.indexOf(hit) + 1]));
      const off = hits.length - on.length;
      find("map-found").textContent = count(hits.length, "hit") + (off ? `, ${whole(off)} of them not in this sample` : "");
      find("map-hits").replaceChildren(...hits.map((hit) => found(hit, indexes.get(hit.id))));
      notice.replaceChildren();
      plane.redraw();
      list.show();
    } catch (error) {
      if (!isAborted(error)) notice.replaceChildren(problem(error, light));
    }
  }

  const found = (hit, index) =>
    el(
      "li",
      null,
      el(
        "button.link",
        {
          type: "button",
          onclick: () => open(hit.id, hit.passage),
          onfocus: () => index !== undefined && choose(index),
          onpointerenter: () => index !== undefined && choose(index),
        },
        clipped(hit.passage.text, 90) || hit.id,
      ),
    );

  // index  of a point, or null; spoken: for those who go by keys
  function choose(index, spoken = false) {
    plane.chosen = index;
    plane.redraw();
    tip.hidden = index === null;
    if (index === null) return;
    const { id, text, metadata } = plane.points[index];
    tip.replaceChildren(
      el("p.quiet", null, id),
      el("p", null, text || "no text"),
      el("p.quiet", null, Object.entries(metadata).map(([key, value]) => `${key} ${JSON.stringify(value)}`).join(" · ")),
    );
    placeTip();
    if (spoken) find("map-spoken").textContent = `${id}: ${text}, ${plane.groups[plane.of[index]].label}`;
  }

  function placeTip() {
    if (plane.chosen === null) return;
    const [x, y] = plane.pixelsOf(plane.chosen);
    const { width, height } = plane.viewport;
    const left = Math.max(8, Math.min(x + 16, width - tip.offsetWidth - 8));
    const below = y + 16 + tip.offsetHeight < height - 8;
    tip.style.translate = `${left}px ${Math.max(8, below ? y + 16 : y - 16 - tip.offsetHeight)}px`;
  }

  function open(id, passage) {
    readDocument(id, { passage });
  }

  function moved() {
    plane.redraw();
    placeTip();
  }

  const zoomBy = (factor) => {
    plane.viewport.zoomAt(plane.viewport.middle, plane.viewport.height / 2, factor);
    moved();
  };
  const fit = () => {
    plane.viewport.fit();
    moved();
  };

  watchGestures(find("plane"), {
    pan: (dx, dy) => {
      plane.viewport.drag(dx, dy);
      moved();
    },
    zoom: (x, y, factor) => {
      plane.viewport.zoomAt(x, y, factor);
      moved();
    },
    point: (x, y) => {
      const index = x === null ? null : plane.at(x, y);
      find("plane").classList.toggle("on-point", index !== null);
      if (index !== plane.chosen) choose(index);
    },
    // A finger points first and opens then, as it cannot hover.
    choose: (x, y, byTouch) => {
      const index = plane.at(x, y);
      const again = index === plane.chosen;
      choose(index);
      if (index !== null && (again || !byTouch)) open(plane.points[index].id);
    },
    step: (dx, dy) => {
      const index = plane.next(dx, dy);
      if (index === null) return;
      plane.viewport.reveal(plane.points[index].x, plane.points[index].y);
      choose(index, true);
    },
    open: () => plane.chosen !== null && open(plane.points[plane.chosen].id),
    fit,
    leave: () => choose(null),
  });
  find("zoom-in").addEventListener("click", () => zoomBy(ZOOM));
  find("zoom-out").addEventListener("click", () => zoomBy(1 / ZOOM));
  find("zoom-all").addEventListener("click", fit);
  find("map-ask").addEventListener("submit", (event) => {
    event.preventDefault();
    light();
  });
  query.addEventListener("input", debounced(light, TYPING_MS));
  colourBy.addEventListener("change", recolour);
  const again = () => {
    stale = true;
    load();
  };
  layout.addEventListener("change", again);
  document.addEventListener("theme", restyle);
  onChange(again);
  return {
    show() {
      visible = true;
      load();
    },
    hide: () => (visible = false),
  };
}
