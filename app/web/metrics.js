// Reads Prometheus' text format, and makes of two readings what happened between them.

// returns  by name, a list of {labels, value}
export function parse(text) {
  const metrics = new Map();
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!match) continue;
    const labels = Object.fromEntries(
      [...(match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [
        name,
        value.replace(/\\(["\\])/g, "$1"),
      ]),
    );
    if (!metrics.has(match[1])) metrics.set(match[1], []);
    metrics.get(match[1]).push({ labels, value: Number(match[3].replace("Inf", "Infinity")) });
  }
  return metrics;
}

// The sum over all series of a name that `which` takes; null where there is none.
export function total(metrics, name, which = () => true) {
  const series = (metrics?.get(name) ?? []).filter(({ labels }) => which(labels));
  return series.length ? series.reduce((sum, { value }) => sum + value, 0) : null;
}

// How much each series has grown: one that went down began anew, as Prometheus takes it.
function grown(now, before, name, which = () => true) {
  const past = new Map(before?.get(name)?.map(({ labels, value }) => [JSON.stringify(labels), value]));
  const series = (now?.get(name) ?? []).filter(({ labels }) => which(labels));
  return series.map(({ labels, value }) => {
    const was = past.get(JSON.stringify(labels)) ?? 0;
    return { labels, value: value < was ? value : value - was };
  });
}

export const increase = (...asked) => grown(...asked).reduce((sum, { value }) => sum + value, 0);

// A quantile of what a histogram counted between two readings, in its unit; null where it counted nothing.
// As Prometheus' histogram_quantile: evenly spread within a bucket, the last finite bound for what is above.
export function quantile(now, before, name, share, which) {
  const buckets = new Map();
  for (const { labels, value } of grown(now, before, `${name}_bucket`, which)) {
    const bound = Number(labels.le.replace("Inf", "Infinity"));
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  const bounds = [...buckets].sort((a, b) => a[0] - b[0]);
  const all = bounds.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;
  const wanted = share * all;
  let [low, below] = [0, 0];
  for (const [bound, count] of bounds) {
    if (count >= wanted) return bound === Infinity ? low : low + ((bound - low) * (wanted - below)) / (count - below);
    [low, below] = [bound, count];
  }
  return low;
}
