/**
 * What the store was given and has not made durable: a store that falls behind keeps all of it in memory, so
 * that it is bounded. Beyond the bound nothing more is staged, as if the log had no room.
 */
interface Group {
  /** The last item of a group that was committed, and the bytes given through it. */
  readonly item: number;
  readonly givenBytes: number;
}

export class Backlog {
  private readonly bytesMax: number;
  private groups: Group[] = [];
  private givenBytes = 0;
  private durableBytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Bytes of votes that are staged, or committed, and not durable. */
  get bytes(): number {
    return this.givenBytes - this.durableBytes;
  }
  /** Whether a vote of so many bytes may be staged. One always may where nothing is behind. */
  hasRoom(bytes: number): boolean {
    return this.bytes === 0 || this.bytes + bytes <= this.bytesMax;
  }

  staged(bytes: number): void {
    this.givenBytes += bytes;
  }

  /** Everything staged is given to the store; `item` is the last of it. */
  committed(item: number): void {
    const last = this.groups[this.groups.length - 1];
    if (this.givenBytes > (last?.givenBytes ?? this.durableBytes)) {
      this.groups.push({ item, givenBytes: this.givenBytes });
    }
  }

  durable(item: number): void {
    let done = 0;
    while (done < this.groups.length && this.groups[done]!.item <= item) done++;
    if (done === 0) return;
    this.durableBytes = this.groups[done - 1]!.givenBytes;
    this.groups = this.groups.slice(done);
  }
}
