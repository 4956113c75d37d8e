// What the views share: the collections, the one that is looked at, the model, and who wants to know of a change.
import { get } from "./api.js";

const listeners = [];

export const session = {
  collections: [],
  known: false, // whether the service has told which there are
  name: null, // of the collection that is looked at
  model: null, // {name, precision, dimension, max_tokens}
  get collection() {
    return this.collections.find((each) => each.name === this.name) ?? null;
  },
};

// Called after the collection that is looked at has become another, or its documents have changed.
export const onChange = (listener) => listeners.push(listener);

export async function reload(name = session.name) {
  session.collections = (await get("v1/collections")).collections;
  session.known = true;
  const known = session.collections.map((each) => each.name);
  session.name = [name, remembered(), known[0]].find((each) => known.includes(each)) ?? null;
  if (session.name) sessionStorage.setItem("vectorspace-collection", session.name);
  for (const listener of listeners) listener();
}

const remembered = () => sessionStorage.getItem("vectorspace-collection");
