// Pointer, wheel and keys over the map, told as what they mean: pan, zoom, point at, choose, step, open.

const STEP_PX = 60;
const ZOOM = 1.35;
const MOVED_PX = 4; // less is a click

// on  {pan(dx, dy), zoom(x, y, factor), point(x, y) or point(null), choose(x, y, byTouch), step(dx, dy), open, fit, leave}
export function watchGestures(element, on) {
  const pointers = new Map();
  let moved = 0;

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  element.onpointerdown = (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    moved = pointers.size > 1 ? MOVED_PX : 0;
  };
  element.onpointermove = (event) => {
    const [x, y] = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      on.point(x, y);
      return;
    }
    moved += Math.hypot(x - before[0], y - before[1]);
    if (moved < MOVED_PX) return;
    pointers.set(event.pointerId, [x, y]);
    if (pointers.size === 1) {
      on.pan(x - before[0], y - before[1]);
      return;
    }
    const [otherId] = [...pointers.keys()].filter((id) => id !== event.pointerId);
    const [ox, oy] = pointers.get(otherId);
    const was = Math.hypot(before[0] - ox, before[1] - oy);
    const now = Math.hypot(x - ox, y - oy);
    if (was > 0 && now > 0) on.zoom((x + ox) / 2, (y + oy) / 2, now / was);
    on.pan((x - before[0]) / 2, (y - before[1]) / 2);
  };
  const up = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && moved < MOVED_PX) on.choose(...place(event), event.pointerType === "touch");
  };
  element.onpointerup = element.onpointercancel = up;
  element.onpointerleave = (event) => event.pointerType === "mouse" && on.point(null);
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      on.zoom(...place(event), Math.exp((-event.deltaY * lines * (event.ctrlKey ? 4 : 1)) / 400));
    },
    { passive: false },
  );
  element.onkeydown = (event) => {
    const middle = [element.clientWidth / 2, element.clientHeight / 2];
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (direction && event.shiftKey) on.pan(-direction[0] * STEP_PX, -direction[1] * STEP_PX);
    else if (direction) on.step(...direction);
    else if (event.key === "+" || event.key === "=") on.zoom(...middle, ZOOM);
    else if (event.key === "-") on.zoom(...middle, 1 / ZOOM);
    else if (event.key === "0") on.fit();
    else if (event.key === "Enter") on.open();
    else if (event.key === "Escape") on.leave();
    else return;
    event.preventDefault();
  };
}
