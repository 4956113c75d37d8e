// Which collection is looked at: the picker, a new one, the sample for a service that is empty.
import { ask, inside } from "./api.js";
import { el, find } from "./dom.js";
import { count, whole } from "./format.js";
import { importInto } from "./importing.js";
import { shown } from "./notice.js";
import { onChange, refresh, reload, session } from "./session.js";
import { labelled, open } from "./sheet.js";

const SAMPLE = "sample";

export function startCollections(view) {
  const picker = find("collection");
  picker.onchange = () => refresh(picker.value);
  for (const id of ["new-collection", "welcome-new"]) {
    find(id).disabled = false;
    find(id).onclick = () => create(view);
  }
  find("load-sample").onclick = () => shown(find("page-notice"), () => loadSample(view));
  onChange(() => {
    const empty = session.collections.length === 0;
    picker.disabled = empty;
    picker.replaceChildren(
      ...(empty
        ? [el("option", null, "No collection")]
        : session.collections.map(({ name, documents }) => el("option", { value: name }, `${name} (${whole(documents)})`))),
    );
    if (!empty) picker.value = session.name;
    if (view.current) view.select(view.current);
  });
}

function create(view) {
  const name = el("input", {
    id: "collection-name",
    required: true,
    pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]{0,127}",
    title: "Letters, digits, dot, underscore, hyphen",
    autocomplete: "off",
  });
  const distance = el("select", { id: "collection-distance" },
    ["cosine", "dot", "euclidean"].map((each) => el("option", null, each)),
  );
  open(find("prompt"), {
    title: "New collection",
    body: [
      labelled("Name", name),
      labelled("Distance", distance),
      el("p.quiet", null, `Vectors are made by ${session.model.name}, ${session.model.dimension} numbers each.`),
    ],
    submit: "Create",
    onsubmit: async () => {
      await ask("PUT", inside(name.value), { json: { distance: distance.value } });
      await reload(name.value);
      view.select("documents");
    },
  });
}

async function loadSample(view) {
  const button = find("load-sample");
  const bar = find("sample-bar");
  button.disabled = true;
  find("sample-progress").hidden = false;
  try {
    const packed = await ask("GET", "web/sample.ndjson.gz");
    const sample = await new Response(packed.body.pipeThrough(new DecompressionStream("gzip"))).blob();
    await ask("PUT", inside(SAMPLE), { json: {} });
    await importInto(SAMPLE, sample, "application/x-ndjson", {
      progress: ({ done = 0, bytes_done = 0, bytes_total }) => {
        bar.max = bytes_total;
        bar.value = bytes_done;
        find("sample-said").textContent = `${count(done, "text")} embedded`;
      },
    }).finished;
    await reload(SAMPLE);
    view.select("map");
  } finally {
    button.disabled = false;
    find("sample-progress").hidden = true;
  }
}
