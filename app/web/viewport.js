// Which part of the plane is seen: from the plane's coordinates to pixels and back, zoom about a place, drag.

const LEAST = 0.6;
const MOST = 80;
const MARGIN = 0.86; // of the smaller side, that the whole plane takes

export class Viewport {
  width = 1;
  height = 1;
  left = 0; // pixels at the sides that panels cover
  right = 0;

  constructor() {
    this.fit();
  }

  fit() {
    Object.assign(this, { x: 0, y: 0, zoom: 1 });
  }

  resize(width, height, left, right) {
    Object.assign(this, { width, height, left, right });
  }

  get middle() {
    return (this.left + this.width - this.right) / 2;
  }

  // Pixels a unit of the plane; the plane goes from -1 to 1.
  get scale() {
    return (this.zoom * MARGIN * Math.min(this.width - this.left - this.right, this.height)) / 2;
  }

  toPixels(x, y) {
    return [this.middle + (x - this.x) * this.scale, this.height / 2 - (y - this.y) * this.scale];
  }

  drag(dx, dy) {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
  }

  // What is under the pixel stays there.
  zoomAt(px, py, factor) {
    const before = this.scale;
    this.zoom = Math.min(MOST, Math.max(LEAST, this.zoom * factor));
    const change = 1 / before - 1 / this.scale;
    this.x += (px - this.middle) * change;
    this.y -= (py - this.height / 2) * change;
  }

  // Bring a place into view, if it is not.
  reveal(x, y) {
    const [px, py] = this.toPixels(x, y);
    const edge = 60;
    if (px < this.left + edge || px > this.width - this.right - edge || py < edge || py > this.height - edge) Object.assign(this, { x, y });
  }
}
