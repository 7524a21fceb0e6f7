/**
 * Loaded in front of a replica (`--import`): nothing that metrics are made of is counted in it. What is left
 * is the call.
 */
const { Histogram } = await import(new URL('../../dist/observe/histogram.js', import.meta.url).href);
const { Meters } = await import(new URL('../../dist/replica/meters.js', import.meta.url).href);

for (const [owner, names] of [
  [Histogram, ['record']],
  [Meters, ['answered', 'proposed', 'groupBegins', 'durable', 'ticked']],
]) {
  for (const name of names) {
    if (typeof owner.prototype[name] !== 'function') throw new Error(`${owner.name} has no ${name}`);
    owner.prototype[name] = () => {};
  }
}
