// The views as tabs: arrows move between them, and the address says what is open: #/search?c=sample&q=kitten.
import { debounced, find } from "./dom.js";
import { refresh, session } from "./session.js";

const TYPING_MS = 300;

// views  by name: {show(byKeys), hide, alone}, all optional; alone: of use without a collection
export function tabs(views) {
  const names = Object.keys(views);
  const buttons = names.map((name) => find(`tab-${name}`));
  const view = { current: null, select, follow };

  const query = (name) => find(name).querySelector("[type=search]");

  // byKeys: the focus stays among the tabs; how: history's method, for a new view
  function select(name, byKeys = false, how = "pushState") {
    const empty = session.collections.length === 0;
    for (const [index, each] of names.entries()) {
      const chosen = each === name;
      buttons[index].setAttribute("aria-selected", chosen);
      buttons[index].tabIndex = chosen ? 0 : -1;
      buttons[index].disabled = false;
      find(each).hidden = !chosen || (empty && !views[each].alone);
    }
    find("welcome").hidden = !empty || !session.known || Boolean(views[name].alone);
    if (byKeys) buttons[names.indexOf(name)].focus();
    if (name === view.current) return remember();
    views[view.current]?.hide?.();
    view.current = name;
    document.body.dataset.view = name;
    document.title = `${find(`tab-${name}`).textContent} · VectorSpace`;
    remember(how);
    views[name].show?.(byKeys);
  }

  // A slash, as browsers take an element's name for where Tab goes on.
  function remember(how = "replaceState") {
    if (!session.known) return;
    const asked = new URLSearchParams();
    if (session.name) asked.set("c", session.name);
    if (query(view.current)?.value) asked.set("q", query(view.current).value);
    history[how](null, "", `#/${view.current}${asked.size ? `?${asked}` : ""}`);
  }

  // Open what the address says; no tab works before.
  async function follow() {
    const [name, parameters] = location.hash.slice(2).split("?");
    const known = names.includes(name);
    if (!known && view.current) return remember(); // the skip link has led elsewhere
    const to = known ? name : names[0];
    const asked = new URLSearchParams(parameters);
    const collection = asked.get("c") ?? session.name;
    const field = query(to);
    if (field) field.value = asked.get("q") ?? "";
    const loaded = (collection !== session.name || !session.known) && refresh(collection);
    if (!view.current) await loaded;
    else if (!loaded) field?.dispatchEvent(new Event("input"));
    select(to, false, "replaceState");
  }

  for (const [index, button] of buttons.entries()) {
    button.onclick = () => select(names[index]);
    button.onkeydown = ({ key }) => {
      const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: names.length - 1 }[key];
      if (to !== undefined) select(names.at(to % names.length), true);
    };
  }
  addEventListener("popstate", follow);
  document.addEventListener("input", debounced(() => remember(), TYPING_MS));
  return view;
}
