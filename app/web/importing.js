// One file into a collection, its progress line by line as the service tells it.
import { Problem, address, authorization, explained, inside } from "./api.js";

const TYPES = {
  ndjson: "application/x-ndjson",
  jsonl: "application/x-ndjson",
  csv: "text/csv",
  md: "text/markdown",
  markdown: "text/markdown",
  txt: "text/plain",
};

// The content type of a file by its name; undefined where none of the forms has that ending.
export const typeOf = (name) => TYPES[name.toLowerCase().split(".").at(-1)];

// progress, refused  called with what the service says, many times
// returns {finished: a promise of the summary, cancel}
//
// XMLHttpRequest, since a fetch does not tell how much of its body has been sent: a browser reads no line of the answer
// before it has sent the whole file.
export function importInto(collection, blob, type, { progress = () => {}, refused = () => {} } = {}) {
  const request = new XMLHttpRequest();
  const finished = new Promise((resolve, reject) => {
    let read = 0;
    let summary = null;
    let failed = null;

    function readLines() {
      const text = request.responseText;
      for (let end; (end = text.indexOf("\n", read)) >= 0; read = end + 1) {
        const line = JSON.parse(text.slice(read, end));
        if (line.progress) progress(line.progress);
        if (line.refused) refused(line.refused);
        if (line.error) failed = line.error;
        if (line.summary) summary = line.summary;
      }
    }

    const requestId = () => request.getResponseHeader("x-request-id") ?? "";
    request.upload.onprogress = ({ loaded, total }) => read || progress({ sent: loaded, bytes_total: total });
    request.onprogress = () => request.status === 200 && readLines();
    request.onabort = () => reject(new DOMException("The import was stopped.", "AbortError"));
    request.onerror = () => reject(new Problem("The connection was cut. The same import again does only the rest."));
    request.onload = async () => {
      if (request.status !== 200) {
        const headers = { "x-request-id": requestId() };
        reject(await explained(new Response(request.responseText, { status: request.status, headers })));
        return;
      }
      readLines();
      if (failed) reject(new Problem(failed.detail, { code: failed.code, requestId: requestId() }));
      else if (summary) resolve(summary);
      else reject(new Problem("The answer ended early. The same import again does only the rest."));
    };
    request.open("POST", address(`${inside(collection)}/import`));
    request.setRequestHeader("Content-Type", type);
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.send(blob);
  });
  return { finished, cancel: () => request.abort() };
}
