import { createHash } from 'node:crypto';

/** A job queue as a state machine. Commands, queries and results are JSON. */
export class JobQueue {
  #jobs = new Map(); // id → { id, key, work, worker, takenUntilMs, isFinished }
  #idOfKey = new Map();
  #lastId = 0;
  #onEvent;

  constructor(onEvent = () => {}) {
    this.#onEvent = onEvent;
  }

  execute(command, result) {
    result.writeText(JSON.stringify(this.#attempt(command.text(), command.timeMs)));
  }

  query(_query, result) {
    const jobs = [...this.#jobs.values()];
    const finished = jobs.filter(({ isFinished }) => isFinished).length;
    result.writeText(JSON.stringify({ open: jobs.length - finished, finished }));
    return true;
  }

  checkpoint() {
    return [Buffer.from(JSON.stringify({ lastId: this.#lastId, jobs: [...this.#jobs.values()] }))];
  }

  restore(chunks) {
    const { lastId, jobs } = JSON.parse(Buffer.concat([...chunks]).toString());
    this.#lastId = lastId;
    this.#jobs = new Map(jobs.map((job) => [job.id, job]));
    this.#idOfKey = new Map(jobs.map((job) => [job.key, job.id]));
  }

  digest() {
    return createHash('sha256').update(this.checkpoint()[0]).digest('hex');
  }

  #attempt(text, nowMs) {
    let request;
    try {
      request = JSON.parse(text);
    } catch {
      return { refused: 'this is not JSON' };
    }
    if (typeof request?.add === 'string') return this.#add(request);
    if (typeof request?.take === 'string') return this.#take(request, nowMs);
    if (typeof request?.finish === 'number') return this.#finish(request);
    return { refused: 'say add, take or finish' };
  }

  /** The same key adds the same job once, however often it is sent. */
  #add({ add: work, key }) {
    const known = this.#idOfKey.get(key);
    if (known !== undefined) return { id: known };
    const id = ++this.#lastId;
    this.#jobs.set(id, { id, key, work, worker: null, takenUntilMs: 0, isFinished: false });
    this.#idOfKey.set(key, id);
    this.#tell({ what: 'added', id });
    return { id };
  }

  /** A job that its worker does not finish in time is given to another one. */
  #take({ take: worker, forMs = 60_000 }, nowMs) {
    for (const job of this.#jobs.values()) {
      if (job.isFinished || job.takenUntilMs > nowMs) continue;
      job.worker = worker;
      job.takenUntilMs = nowMs + forMs;
      return { id: job.id, work: job.work };
    }
    return { none: true };
  }

  #finish({ finish: id, worker }) {
    const job = this.#jobs.get(id);
    if (job === undefined) return { refused: `there is no job ${id}` };
    if (job.worker !== worker) return { refused: `job ${id} is not taken by ${worker}` };
    if (!job.isFinished) this.#tell({ what: 'finished', id });
    job.isFinished = true;
    return { finished: id };
  }

  /** After the call of execute has returned, so that a listener that throws does not make execute throw. */
  #tell(event) {
    queueMicrotask(() => this.#onEvent(event));
  }
}
