/** Little-endian 64-bit fields that hold safe integers, in a DataView. */

const HIGH = 2 ** 32;

export function putU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % HIGH, true);
  view.setUint32(at + 4, Math.floor(value / HIGH), true);
}

/** A value above 2⁵³ comes back inexact, and so never equals anything that was written. */
export function getU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * HIGH + view.getUint32(at, true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
