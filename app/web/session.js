// What the views share: the collections, the one that is looked at, the model, and who wants to know of a change.
import { get } from "./api.js";
import { find } from "./dom.js";
import { shown } from "./notice.js";

const listeners = [];
let turn = 0;

export const session = {
  collections: [],
  known: false, // whether the service has told which there are
  name: null, // of the collection that is looked at
  model: null, // {name, precision, dimension, max_tokens}
  get collection() {
    return this.collections.find((each) => each.name === this.name) ?? null;
  },
};

// Called with true after the collection that is looked at has become another, or its documents have changed; with false
// after what is known of the collections has.
export const onChange = (listener) => listeners.push(listener);

function tell(stale) {
  for (const listener of listeners) listener(stale);
}

// The page looks at `name` at once, so that nothing goes to another collection than it shows.
export async function reload(name = session.name) {
  const mine = ++turn;
  const another = session.known && name !== session.name;
  if (another) {
    session.name = name;
    tell(true);
  }
  try {
    const { collections } = await get("v1/collections");
    if (mine !== turn) return;
    session.collections = collections;
  } catch (error) {
    if (mine === turn) throw error;
    return;
  }
  session.known = true;
  const known = session.collections.map((each) => each.name);
  session.name = [name, remembered(), known[0]].find((each) => known.includes(each)) ?? null;
  if (session.name) sessionStorage.setItem("vectorspace-collection", session.name);
  tell(!another || session.name !== name);
}

export const refresh = (name) => shown(find("page-notice"), () => reload(name), () => refresh(name));

const remembered = () => sessionStorage.getItem("vectorspace-collection");
