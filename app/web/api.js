// Asks the service. What goes wrong becomes a Problem, in words and with the request's id.
import { askForKey, key } from "./key.js";

const BASE = new URL(".", document.baseURI);

export class Problem extends Error {
  constructor(message, { status = 0, code = "", requestId = "" } = {}) {
    super(message);
    Object.assign(this, { status, code, requestId });
  }
}

export const address = (path) => new URL(path, BASE).href;

// The path of something in a collection. The parts may hold any character.
export function inside(collection, ...parts) {
  for (const part of [collection, ...parts]) {
    // A URL loses these segments, and would name something else.
    if (part === "." || part === "..") throw new Problem(`“${part}” cannot be named in an address.`);
  }
  return ["v1/collections", ...[collection, ...parts].map(encodeURIComponent)].join("/");
}

export const authorization = () => (key() ? { Authorization: `Bearer ${key()}` } : {});

// The response, once it is a good one. Without a key, or with a wrong one, the user is asked, and then it goes on.
export async function ask(method, path, { json, body, headers, signal } = {}) {
  for (;;) {
    const sent = { ...headers, ...authorization() };
    if (json !== undefined) sent["Content-Type"] = "application/json";
    const used = key();
    let response;
    try {
      response = await fetch(address(path), {
        method,
        signal,
        headers: sent,
        body: json === undefined ? body : JSON.stringify(json),
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      document.dispatchEvent(new Event("away"));
      throw new Problem("The service cannot be reached. Is it running, and is this machine online?");
    }
    document.dispatchEvent(new Event("reached"));
    if (response.ok) return response;
    const problem = await explained(response);
    if (response.status !== 401 || !(await askForKey(problem.message, used))) throw problem;
  }
}

export const get = async (path, options) => (await ask("GET", path, options)).json();
export const post = async (path, json, options) => (await ask("POST", path, { json, ...options })).json();
export const isAborted = (error) => error.name === "AbortError";

// RFC 9457's form, OpenAI's, or text-embeddings-inference's.
export async function explained(response) {
  const body = await response.json().catch(() => ({}));
  const { error } = body;
  const message = body.detail ?? error?.message ?? (typeof error === "string" ? error : null);
  return new Problem(message ?? `The service answered with status ${response.status}.`, {
    status: response.status,
    code: body.code ?? error?.code ?? "",
    requestId: response.headers.get("x-request-id") ?? "",
  });
}

// What the service says it took, in seconds, or null.
export function served_s(response) {
  const total = /total;dur=([\d.]+)/.exec(response.headers.get("server-timing") ?? "");
  return total ? Number(total[1]) / 1000 : null;
}
