// Files on their way into a collection: one line each, with its progress, what was refused and why.
import { el } from "./dom.js";
import { bytes, count, duration, whole } from "./format.js";
import { importInto, typeOf } from "./importing.js";
import { problem } from "./notice.js";
import { reload } from "./session.js";

const SHOWN = 200; // refusals that are listed; the others are counted

export async function importFile(list, collection, file) {
  const said = el("p.quiet", { role: "status" });
  const bar = el("progress", { "aria-label": `Import of ${file.name}` });
  const refusals = el("ol.refusals");
  const refused = el("details", { hidden: true }, el("summary"), refusals);
  const button = el("button.plain", { type: "button" }, "Stop");
  const line = el(
    "li.import",
    null,
    el("p.import-head", null, el("b", null, file.name), el("span.quiet", null, bytes(file.size)), el("span.grow"), button),
    bar,
    said,
    refused,
  );
  list.prepend(line);

  const over = () => {
    button.textContent = "Dismiss";
    button.onclick = () => line.remove();
    bar.hidden = true;
  };
  const type = typeOf(file.name);
  if (!type) {
    over();
    said.textContent = "Not read: its name should end in .ndjson, .csv, .md or .txt.";
    return;
  }

  let refusedCount = 0;
  const { finished, cancel } = importInto(collection, file, type, {
    progress({ sent, done, unchanged, bytes_done, bytes_total, rate_per_s, remaining_s }) {
      bar.max = bytes_total || 1;
      bar.value = bytes_done ?? 0;
      said.textContent =
        sent !== undefined
          ? `${bytes(sent)} of ${bytes(bytes_total)} sent`
          : [
              count(done + unchanged, "document"),
              `${whole(Math.round(rate_per_s))} a second`,
              remaining_s !== undefined && `${duration(remaining_s)} left`,
            ]
              .filter(Boolean)
              .join(" · ");
    },
    refused({ line: number, reason }) {
      refusedCount += 1;
      refused.hidden = false;
      refused.firstChild.textContent = `${count(refusedCount, "record")} refused`;
      if (refusedCount <= SHOWN) refusals.append(el("li", null, el("span.quiet", null, `line ${number}`), ` ${reason}`));
    },
  });
  button.onclick = cancel;
  try {
    const { done, unchanged, refused: all, elapsed_s } = await finished;
    if (all > 0) refused.firstChild.textContent = `${count(all, "record")} refused`;
    said.textContent = [
      `${count(done, "document")} kept`,
      unchanged > 0 && `${whole(unchanged)} unchanged`,
      `in ${duration(elapsed_s)}`,
    ]
      .filter(Boolean)
      .join(" · ");
  } catch (error) {
    said.textContent = error.name === "AbortError" ? "Stopped. What was kept stays; the same import again does the rest." : "";
    if (error.name !== "AbortError") said.after(problem(error));
  }
  over();
  await reload();
}
