// The points of the map on a canvas: drawn once a frame at most, and only when something has changed.
import { colourOf } from "./groups.js";
import { Viewport } from "./viewport.js";

const MOVE_MS = 450; // from one layout to another
const NEAR_PX = 14;
const PLACE_PX = 8.5; // radius of a hit, with its place in it: more than any other point has
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Plane {
  viewport = new Viewport();
  points = [];
  groups = [];
  of = new Uint8Array(); // for each point its group
  only = null; // a group; the others are dim
  hits = null; // by point, its place in a search; the others are dim
  query = null; // {x, y, text}
  chosen = null; // a point
  #xs = new Float32Array();
  #ys = new Float32Array();
  #moving = null;
  #frame = 0;
  #sprites = new Map();

  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    new ResizeObserver(() => this.#resize()).observe(canvas.parentElement);
  }

  // Points that were shown before go from where they were.
  show(points) {
    const before = new Map(this.points.map(({ id }, index) => [id, index]));
    const from = points.map(({ id, x, y }) => (before.has(id) ? [this.#xs[before.get(id)], this.#ys[before.get(id)]] : [x, y]));
    this.points = points;
    this.#xs = Float32Array.from(points, ({ x }) => x);
    this.#ys = Float32Array.from(points, ({ y }) => y);
    this.#moving = before.size && !still.matches ? { from, since: performance.now() } : null;
    this.redraw();
  }

  // After the groups, or light and dark, have changed.
  restyle() {
    this.#sprites.clear();
    this.redraw();
  }

  redraw() {
    this.#frame ||= requestAnimationFrame((now) => {
      this.#frame = 0;
      this.#draw(now);
    });
  }

  pixelsOf(index) {
    return this.viewport.toPixels(this.#xs[index], this.#ys[index]);
  }

  // The point nearest to a pixel, or null. Lit ones come first.
  at(px, py) {
    let best = null;
    let least = NEAR_PX;
    for (let index = 0; index < this.points.length; index += 1) {
      const [x, y] = this.pixelsOf(index);
      const distance = Math.hypot(x - px, y - py) + (this.#lit(index) ? 0 : NEAR_PX / 2);
      if (distance < least) [best, least] = [index, distance];
    }
    return best;
  }

  // The next lit point in a direction, from the one that is chosen or from the middle.
  next(dx, dy) {
    const { middle, height } = this.viewport;
    const [fromX, fromY] = this.chosen === null ? [middle, height / 2] : this.pixelsOf(this.chosen);
    let best = null;
    let least = Infinity;
    for (let index = 0; index < this.points.length; index += 1) {
      if (index === this.chosen || !this.#lit(index)) continue;
      const [x, y] = this.pixelsOf(index);
      const along = (x - fromX) * dx + (y - fromY) * dy;
      const across = Math.abs((x - fromX) * dy) + Math.abs((y - fromY) * dx);
      if ((along > 0.5 && across <= along) || this.chosen === null) {
        const distance = Math.abs(along) + 2 * across;
        if (distance < least) [best, least] = [index, distance];
      }
    }
    return best;
  }

  #lit(index) {
    return (this.hits === null || this.hits.has(index)) && (this.only === null || this.of[index] === this.only);
  }

  #resize() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    const style = getComputedStyle(this.canvas.parentElement);
    this.viewport.resize(clientWidth, clientHeight, parseFloat(style.scrollPaddingLeft) || 0, parseFloat(style.scrollPaddingRight) || 0);
    this.#sprites.clear();
    this.redraw();
  }

  #draw(now) {
    const { context, viewport } = this;
    const ratio = devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, viewport.width, viewport.height);
    this.#move(now);
    const style = getComputedStyle(this.canvas); // its colours are those of the page, resolved for light or dark
    const radius = Math.min(8, (this.points.length > 1500 ? 2.6 : 3.6) * viewport.zoom ** 0.3);
    const dim = this.hits !== null || this.only !== null;
    if (dim) this.#dots((index) => !this.#lit(index), radius, 0.16);
    if (this.query && this.hits) this.#rays(style.color);
    if (this.hits) this.#places(style);
    else this.#dots((index) => this.#lit(index), radius, dim ? 1 : 0.82);
    this.#labels(style);
    if (this.chosen !== null) this.#ring(...this.pixelsOf(this.chosen), (this.hits ? PLACE_PX : radius) + 5, style.color);
    if (this.query) this.#cross(style);
  }

  #move(now) {
    if (!this.#moving) return;
    const { from, since } = this.#moving;
    const done = Math.min(1, (now - since) / MOVE_MS);
    const eased = 1 - (1 - done) ** 3;
    for (const [index, { x, y }] of this.points.entries()) {
      this.#xs[index] = from[index][0] + (x - from[index][0]) * eased;
      this.#ys[index] = from[index][1] + (y - from[index][1]) * eased;
    }
    if (done < 1) this.redraw();
    else this.#moving = null;
  }

  #dots(which, radius, alpha) {
    const { context, viewport } = this;
    context.globalAlpha = alpha;
    for (let index = 0; index < this.points.length; index += 1) {
      if (!which(index)) continue;
      const [x, y] = this.pixelsOf(index);
      if (x < -9 || y < -9 || x > viewport.width + 9 || y > viewport.height + 9) continue;
      const sprite = this.#sprite(this.of[index], radius);
      context.drawImage(sprite.image, x - sprite.size / 2, y - sprite.size / 2, sprite.size, sprite.size);
    }
    context.globalAlpha = 1;
  }

  // A dot is drawn once and copied: a path for each of thousands takes ten times as long.
  #sprite(group, radius) {
    const name = `${group} ${radius.toFixed(1)}`;
    if (this.#sprites.size > 200) this.#sprites.clear(); // left over from other zooms
    if (!this.#sprites.has(name)) {
      const ratio = devicePixelRatio || 1;
      const size = 2 * Math.ceil(radius + 2);
      const image = new OffscreenCanvas(size * ratio, size * ratio);
      const context = image.getContext("2d");
      const { colour, ring } = colourOf(this.groups[group] ?? { index: 0 });
      context.scale(ratio, ratio);
      context.beginPath();
      context.arc(size / 2, size / 2, ring ? radius - 0.6 : radius, 0, 2 * Math.PI);
      context.fillStyle = context.strokeStyle = colour;
      context.lineWidth = 1.8;
      if (ring && radius < PLACE_PX) context.stroke();
      else context.fill();
      this.#sprites.set(name, { image, size });
    }
    return this.#sprites.get(name);
  }

  #rays(colour) {
    const { context } = this;
    const from = this.viewport.toPixels(this.query.x, this.query.y);
    context.strokeStyle = colour;
    context.globalAlpha = 0.22;
    context.lineWidth = 1;
    context.beginPath();
    for (const index of this.hits.keys()) {
      context.moveTo(...from);
      context.lineTo(...this.pixelsOf(index));
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  #ring(x, y, radius, colour, width = 2) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }

  #cross(style) {
    const { context } = this;
    const [x, y] = this.viewport.toPixels(this.query.x, this.query.y);
    this.#ring(x, y, 9, style.color, 2.5);
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + dx * 4, y + dy * 4);
      context.lineTo(x + dx * 15, y + dy * 15);
    }
    context.stroke();
    this.#text(this.query.text, x, y - 24, style, style.color, "600 13px");
  }

  // The first ones last, so that others do not cover them.
  #places(style) {
    for (const [index, place] of [...this.hits].reverse()) {
      if (!this.#lit(index)) continue;
      this.#dots((each) => each === index, PLACE_PX, 1);
      this.#text(place, ...this.pixelsOf(index), style, style.backgroundColor, "700 10.5px");
    }
  }

  // Where the middle of a text is, so that neither edge cuts it off while what it names is seen.
  #inside(x, half) {
    const { width } = this.viewport;
    return x < 0 || x > width ? x : Math.max(half, Math.min(width - half, x));
  }

  #text(text, at, y, style, colour, font) {
    const { context } = this;
    context.font = `${font} ${style.fontFamily}`;
    const x = this.#inside(at, context.measureText(text).width / 2 + 4);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = style.backgroundColor;
    if (colour !== style.backgroundColor) context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  // The groups by name where they are densest, as far as the names do not cover each other.
  #labels(style) {
    const taken = [];
    for (const [group, { label, anchor, index }] of this.groups.entries()) {
      if (index === null || anchor === undefined || (this.only !== null && this.only !== group) || this.hits) continue;
      const [at, y] = this.pixelsOf(anchor);
      this.context.font = `600 12.5px ${style.fontFamily}`;
      const half = this.context.measureText(label).width / 2 + 6;
      const x = this.#inside(at, half);
      const box = [x - half, y - 26, x + half, y - 6];
      if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
      taken.push(box);
      this.#text(label, x, y - 16, style, style.borderTopColor, "600 12.5px");
    }
  }
}
