// What sets groups of texts apart: the words that many texts of one have and few of the others.

const SHORTEST = 4; // leaves most words of grammar out, which the count leaves out as well
const KEPT = 3;

// groups   lists of texts
// returns  for each group up to three words, the most telling first
export function distinctive(groups) {
  const counts = groups.map(documentCounts);
  const all = new Map();
  for (const each of counts) for (const [word, count] of each) all.set(word, (all.get(word) ?? 0) + count);
  const texts = groups.reduce((sum, group) => sum + group.length, 0);
  return groups.map((group, index) =>
    [...counts[index]]
      .filter(([, count]) => count > 1)
      // How often here, times how much more often than everywhere: a word's part in the Kullback-Leibler divergence.
      .map(([word, count]) => [word, (count / group.length) * Math.log(count / group.length / (all.get(word) / texts))])
      .sort((a, b) => b[1] - a[1])
      .slice(0, KEPT)
      .map(([word]) => word),
  );
}

// In how many of the texts each word is.
function documentCounts(texts) {
  const counts = new Map();
  for (const text of texts) {
    const words = new Set((text.toLowerCase().match(/\p{L}+/gu) ?? []).filter((word) => word.length >= SHORTEST));
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}
