// Points in groups, by cluster or by a field of their metadata, each with a colour that colour-blind people tell apart.
import { distinctive } from "./words.js";

// Okabe and Ito 2008, Color Universal Design, without the one that is not seen on the ground: yellow on white, black on
// black. Further groups take the same colours as rings; beyond them all is grey.
const COLOURS = {
  light: ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#26282c"],
  dark: ["#4aa3df", "#e69f00", "#1fbf90", "#f0743e", "#8fd0f5", "#e39ac3", "#f0e442"],
};
const OTHERS = { light: "#8a8d94", dark: "#80848c" };
const MOST = 14;
const SAMPLED = 200; // members that are looked at for where a group is densest
const NEAR = 0.15; // in the plane, which is 2 wide

export const CLUSTER = "\0cluster"; // no key of metadata: a control character

// The fields worth colouring by: a few values, shared by several points.
export function fieldsOf(points) {
  const values = new Map();
  for (const { metadata } of points) {
    for (const [key, value] of Object.entries(metadata)) {
      if (["string", "number", "boolean"].includes(typeof value)) {
        if (!values.has(key)) values.set(key, new Map());
        values.get(key).set(value, (values.get(key).get(value) ?? 0) + 1);
      }
    }
  }
  return [...values]
    .filter(([, counts]) => counts.size > 1 && counts.size <= points.length / 2)
    .sort((a, b) => (a[1].size > MOST) - (b[1].size > MOST))
    .map(([key, counts]) => ({ key, fits: counts.size <= MOST && 2 * [...counts.values()].reduce((a, b) => a + b) >= points.length }));
}

// returns {groups: [{label, members, index, anchor}], of: for each point its group}; index: of its colour, null for grey
export function grouped(points, by) {
  const members = new Map();
  for (const [index, point] of points.entries()) {
    const value = by === CLUSTER ? point.cluster : (point.metadata[by] ?? null);
    const name = value !== null && typeof value === "object" ? null : value;
    if (!members.has(name)) members.set(name, []);
    members.get(name).push(index);
  }
  const missing = members.get(null) ?? [];
  members.delete(null);
  const sorted = [...members].sort((a, b) => b[1].length - a[1].length);
  const rest = [...sorted.slice(MOST).flatMap(([, each]) => each), ...missing];
  const groups = sorted.slice(0, MOST).map(([name, each], index) => ({ label: `${name}`, members: each, index }));
  if (by === CLUSTER) {
    const words = distinctive(groups.map((group) => group.members.map((index) => points[index].text)));
    for (const [index, group] of groups.entries()) group.label = words[index].join(", ") || `cluster ${group.label}`;
  }
  if (rest.length) groups.push({ label: by === CLUSTER ? "the rest" : "others", members: rest, index: null });
  const of = new Uint8Array(points.length);
  for (const [index, group] of groups.entries()) {
    for (const member of group.members) of[member] = index;
    group.anchor = densest(points, group.members);
  }
  return { groups, of };
}

// The member with the most others near it: where a group's name is read best.
function densest(points, members) {
  const step = Math.ceil(members.length / SAMPLED);
  const some = members.filter((_, index) => index % step === 0);
  let [best, most] = [some[0], -1];
  for (const one of some) {
    const { x, y } = points[one];
    const near = some.filter((other) => Math.hypot(points[other].x - x, points[other].y - y) < NEAR).length;
    if (near > most) [best, most] = [one, near];
  }
  return best;
}

export function colourOf({ index }) {
  const theme = document.documentElement.dataset.shown;
  const colours = COLOURS[theme];
  if (index === null) return { colour: OTHERS[theme], ring: false };
  return { colour: colours[index % colours.length], ring: index >= colours.length };
}
