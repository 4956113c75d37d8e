// The views as tabs: arrows move between them, the address remembers which one is open.
import { find } from "./dom.js";
import { session } from "./session.js";

// views  by name: {show(byKeys), hide, alone}, all optional; alone: of use without a collection
export function tabs(views) {
  const names = Object.keys(views);
  const buttons = names.map((name) => find(`tab-${name}`));
  let current = null;

  // byKeys: the focus stays among the tabs
  function select(name, byKeys = false) {
    const empty = session.collections.length === 0;
    for (const [index, each] of names.entries()) {
      const chosen = each === name;
      buttons[index].setAttribute("aria-selected", chosen);
      buttons[index].tabIndex = chosen ? 0 : -1;
      find(each).hidden = !chosen || (empty && !views[each].alone);
    }
    find("welcome").hidden = !empty || !session.known || Boolean(views[name].alone);
    if (byKeys) buttons[names.indexOf(name)].focus();
    if (name === current) return;
    views[current]?.hide?.();
    current = name;
    document.body.dataset.view = name;
    document.title = `${find(`tab-${name}`).textContent} · VectorSpace`;
    remember();
    views[name].show?.(byKeys);
  }

  // With a slash, since browsers take the name of an element for the place where Tab goes on.
  function remember() {
    history.replaceState(null, "", `#/${current}`);
  }

  for (const [index, button] of buttons.entries()) {
    button.addEventListener("click", () => select(names[index]));
    button.addEventListener("keydown", ({ key }) => {
      const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: names.length - 1 }[key];
      if (to !== undefined) select(names.at(to % names.length), true);
    });
  }
  addEventListener("hashchange", () => {
    const name = location.hash.slice(2);
    if (names.includes(name)) select(name);
    else remember(); // the skip link has led elsewhere
  });

  return {
    select,
    get current() {
      return current;
    },
  };
}
