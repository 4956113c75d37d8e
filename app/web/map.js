// The map: documents as points, coloured by a field or by cluster, with what a search finds lit up.
import { get, inside, post } from "./api.js";
import { debounced, el, find, refill, turns } from "./dom.js";
import { readDocument } from "./editor.js";
import { clipped, count, joined, whole } from "./format.js";
import { watchGestures } from "./gestures.js";
import { CLUSTER, fieldsOf, grouped } from "./groups.js";
import { showLegend } from "./legend.js";
import { MapList } from "./maplist.js";
import { shown } from "./notice.js";
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
  const list = new MapList(plane, { standsFor, open });
  let visible = false;
  let stale = true;
  let name = null; // of the collection whose map is shown
  const loading = turns();
  const searching = turns();

  async function load() {
    if (!visible || !stale || session.name === null) return;
    const signal = loading();
    find("map-caption").textContent = "Drawing the map…";
    const map = await shown(notice, () => get(`${inside(session.name)}/map?layout=${layout.value}`, { signal }), load);
    if (signal.aborted) return;
    find("map-caption").textContent = map ? caption(map) : "";
    if (!map) return;
    stale = false;
    show(map.points);
    await light();
    if (!map.points.length) {
      notice.replaceChildren(el("p.hint", null, "No documents yet. Drop a file under Documents, and they show here."));
    }
  }

  function indexOf(id) {
    const index = plane.points.findIndex((point) => point.id === id);
    return index < 0 ? null : index;
  }

  function show(points) {
    const another = plane.points.length === 0;
    if (another) plane.viewport.fit();
    const chosen = plane.points[plane.chosen]?.id;
    plane.hits = plane.query = null;
    plane.show(points);
    offerColours(points, another);
    recolour();
    choose(indexOf(chosen));
  }

  function caption({ documents, shown: points, sampled, variance }) {
    return joined(
      sampled ? `${whole(points)} of ${count(documents, "document")} shown, a sample` : count(documents, "document"),
      variance
        ? `${Math.round(100 * (variance[0] + variance[1]))} % of the variance in these two directions`
        : "near means alike, far and directions mean nothing",
    );
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
    const signal = searching();
    const text = query.value.trim();
    if (!text || plane.points.length === 0) {
      if (plane.hits) choose(null);
      plane.hits = plane.query = null;
      find("map-found").textContent = "";
      find("map-hits").replaceChildren();
      plane.redraw();
      list.show();
      return;
    }
    const work = async () => {
      const [{ hits }, place] = await Promise.all([
        post(`${inside(session.name)}/search`, { query: text, mode: "semantic", limit: HITS, include: ["passage"] }, { signal }),
        post(`${inside(session.name)}/map/place`, { query: text, layout: layout.value }, { signal }),
      ]);
      const on = hits.map(({ id }, index) => [indexOf(id), index + 1]).filter(([index]) => index !== null);
      plane.query = { ...place, text: clipped(text, 40) };
      plane.hits = new Map(on);
      const off = hits.length - on.length;
      find("map-found").textContent = count(hits.length, "hit") + (off ? `, ${whole(off)} of them not in this sample` : "");
      refill(find("map-hits"), hits.map(found));
      plane.redraw();
      list.show();
    };
    await shown(notice, work, light);
  }

  const found = ({ id, passage }) =>
    el("li", { "data-id": id },
      el("button.link", { ...standsFor(id), onclick: () => open(id, passage) }, clipped(passage.text, 90) || id),
    );

  // The attributes of a button that stands for a point: the map shows it while it is pointed at.
  function standsFor(id) {
    const enter = () => choose(indexOf(id));
    const leave = () => choose(null);
    return { onfocus: enter, onpointerenter: enter, onblur: leave, onpointerleave: leave };
  }

  // index  of a point, or null; spoken: for those who go by keys
  function choose(index, spoken = false) {
    plane.chosen = index;
    plane.redraw();
    tip.hidden = index === null;
    if (index === null) return;
    const { id, text, metadata } = plane.points[index];
    tip.replaceChildren(
      el("p.quiet", { dir: "auto" }, id),
      el("p", { dir: "auto" }, text || "no text"),
      el("p.quiet", null, joined(...Object.entries(metadata).map(([key, value]) => `${key} ${JSON.stringify(value)}`))),
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

  const move = (how, ...values) => {
    plane.viewport[how](...values);
    plane.redraw();
    placeTip();
  };
  const zoomBy = (factor) => move("zoomAt", plane.viewport.middle, plane.viewport.height / 2, factor);
  const fit = () => move("fit");

  watchGestures(find("plane"), {
    pan: (...way) => move("drag", ...way),
    zoom: (...at) => move("zoomAt", ...at),
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
  find("zoom-in").onclick = () => zoomBy(ZOOM);
  find("zoom-out").onclick = () => zoomBy(1 / ZOOM);
  find("zoom-all").onclick = fit;
  find("map-ask").onsubmit = (event) => {
    event.preventDefault();
    light();
  };
  query.oninput = debounced(light, TYPING_MS);
  colourBy.onchange = recolour;
  const again = () => {
    stale = true;
    load();
  };
  layout.onchange = again;
  document.addEventListener("theme", restyle);
  onChange((changed) => {
    if (name !== session.name) {
      name = session.name;
      loading();
      show([]);
      light();
      notice.replaceChildren();
      find("map-caption").textContent = "";
    }
    if (changed) again();
  });
  return {
    show() {
      visible = true;
      load();
    },
    hide: () => (visible = false),
  };
}
