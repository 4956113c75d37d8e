// Files on their way into a collection: one line each, with its progress, what was refused and why.
import { isAborted } from "./api.js";
import { el } from "./dom.js";
import { bytes, count, duration, joined, whole } from "./format.js";
import { importInto, typeOf } from "./importing.js";
import { askForKey, key } from "./key.js";
import { problem } from "./notice.js";
import { refresh } from "./session.js";

const SHOWN = 200; // refusals that are listed; the others are counted

let turn = Promise.resolve(); // one file after the other, as the service limits imports at once

export function importFile(list, collection, file) {
  const said = el("p.quiet", { role: "status" });
  const bar = el("progress", { "aria-label": `Import of ${file.name}` });
  const refusals = el("ol.refusals");
  const refused = el("details", { hidden: true }, el("summary"), refusals);
  const button = el("button.plain", null, "Stop");
  const line = el("li.import", null,
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

  let givenUp = false;
  said.textContent = "Waiting for its turn";
  button.onclick = () => {
    givenUp = true;
    line.remove();
  };
  turn = turn.then(() => givenUp || run());

  async function run() {
    let refusedCount = 0;
    const tried = key();
    const { finished, cancel } = importInto(collection, file, type, {
      progress(told) {
        bar.max = told.bytes_total || 1;
        bar.value = told.bytes_done ?? 0;
        said.textContent = told.sent === undefined ? pace(told) : `${bytes(told.sent)} of ${bytes(told.bytes_total)} sent`;
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
      const summary = await finished;
      if (summary.refused > 0) refused.firstChild.textContent = `${count(summary.refused, "record")} refused`;
      said.textContent = outcome(summary);
    } catch (error) {
      if (error.status === 401 && (await askForKey(error.message, tried))) return run();
      const stopped = isAborted(error);
      said.textContent = stopped ? "Stopped. What was kept stays; the same import again does the rest." : "";
      if (!stopped) said.after(problem(error));
    }
    over();
    return refresh();
  }
}

const pace = ({ done, unchanged, rate_per_s, remaining_s }) =>
  joined(
    count(done + unchanged, "document"),
    `${whole(Math.round(rate_per_s))} a second`,
    remaining_s !== undefined && `${duration(remaining_s)} left`,
  );

const outcome = ({ done, unchanged, elapsed_s }) =>
  joined(`${count(done, "document")} kept`, unchanged > 0 && `${whole(unchanged)} unchanged`, `in ${duration(elapsed_s)}`);
