// Numbers and times as people read them.

const plain = new Intl.NumberFormat("en");

export const count = (number, one, many = `${one}s`) => `${plain.format(number)} ${number === 1 ? one : many}`;
export const whole = (number) => plain.format(number);
export const score = (number) => (Math.abs(number) >= 10 ? number.toFixed(1) : number.toFixed(3));

export const joined = (...parts) => parts.filter(Boolean).join(" · ");

export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (number >= 999.5 && power < units.length - 1) {
    number /= 1000;
    power += 1;
  }
  return `${number.toFixed(power === 0 || number >= 100 ? 0 : 1)} ${units[power]}`;
}

export function duration(seconds) {
  if (seconds < 9.995e-4) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.9995) return `${(seconds * 1e3).toFixed(seconds < 0.1 ? 1 : 0)} ms`;
  if (seconds < 59.5) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  seconds = Math.round(seconds);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

export const moment = (unix_s) =>
  new Date(unix_s * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

export function clipped(text, characters) {
  const points = Array.from(text.slice(0, characters * 2 + 1));
  return points.length > characters ? `${points.slice(0, characters).join("")}…` : points.join("");
}
