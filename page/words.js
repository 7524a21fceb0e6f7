/** Numbers and states in words. */

const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function number(value) {
  return value === null || value === undefined ? '–' : NUMBER.format(value);
}

/** `[figure, unit]`, with three digits. */
export function duration(seconds) {
  if (seconds === undefined) return ['–', ''];
  if (seconds < 0.001) return [String(Number((seconds * 1e6).toPrecision(3))), 'µs'];
  if (seconds < 1) return [String(Number((seconds * 1e3).toPrecision(3))), 'ms'];
  return [String(Number(seconds.toPrecision(3))), 's'];
}

export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let left = value;
  for (; left >= 1024 && unit < units.length - 1; unit++) left /= 1024;
  return `${Number(left.toPrecision(3))} ${units[unit]}`;
}

export function percent(share) {
  if (share === null || share === undefined || Number.isNaN(share)) return '–';
  return `${Math.round(share * 100)} %`;
}

/** What is said of the whole, and how bad it is. */
export function stateOf({ verdict, troubles, replicas }) {
  const answering = replicas.filter(({ status }) => status !== undefined);
  const all = replicas.length === 1 ? 'it answers' : `all ${replicas.length} answer`;
  if (!verdict.hasQuorum)
    return ['fail', `No quorum: ${answering.length} of ${replicas.length} replicas answer`];
  if (verdict.differences.length > 0) return ['fail', 'Replicas differ that may never differ'];
  if (troubles.length > 0) return ['fail', 'The disks are full: writes are refused'];
  if (verdict.leader === 0) return ['fail', 'No replica leads'];
  const leads = `Replica ${verdict.leader} leads`;
  if (answering.length < replicas.length) {
    const missing = replicas.filter(({ status }) => status === undefined).map(({ id }) => id);
    return ['warn', `${leads}; replica ${missing.join(', ')} does not answer`];
  }
  const bad = replicas.filter(({ health }) => health.level !== 'ok').map(({ id }) => id);
  const level = replicas.some(({ health }) => health.level === 'fail') ? 'fail' : 'warn';
  if (bad.length > 0) return [level, `${leads}; look at replica ${bad.join(', ')}`];
  return ['ok', `${leads}, ${all}`];
}

/** What a person should do, the worst first: `[{ level, text }]`. */
export function adviceOf({ verdict, troubles, replicas }) {
  const advice = troubles.map((text) => ({
    level: 'fail',
    text: `${text[0].toUpperCase()}${text.slice(1)}.`,
  }));
  if (!verdict.hasQuorum) {
    const text = 'No majority of the replicas answers and votes: until one does, nothing is written or read.';
    advice.push({ level: 'fail', text });
  }
  for (const { id, status, health, problem } of replicas) {
    if (status === undefined) {
      advice.push({
        level: verdict.hasQuorum ? 'warn' : 'fail',
        text: `Replica ${id} does not answer (${problem}): start its process, or look at the network.`,
      });
      continue;
    }
    const bad = health.checks.filter(({ level }) => level !== 'ok');
    if (status.advice !== '') {
      advice.push({ level: bad[0]?.level ?? 'warn', text: `Replica ${id}: ${status.advice}.` });
    } else {
      for (const { level, name, text } of bad)
        advice.push({ level, text: `Replica ${id}, ${name}: ${text}.` });
    }
    if (status.security.key && status.security.channel !== 'plain') continue;
    advice.push({
      level: 'warn',
      text: `Replica ${id}: what peers say is not encrypted, or asks for no key.`,
    });
  }
  return advice.sort((a, b) => a.level.localeCompare(b.level));
}
