/**
 * Power cuts while a store is formatted: afterwards there is a whole store or none, and if there is none it
 * can be formatted again.
 */
import fs from 'node:fs';
import path from 'node:path';
import { ErrorCode } from '../../../lib/errors.js';
import type { CampaignReport } from '../../service/campaign.js';
import { eventually } from '../../service/eventually.js';
import { attempt, formatSmallStore, newDisk, type PowerCutBench } from './bench.js';

const DISK_BYTES = 64 << 20;
/** Sectors cached and copied in one format: the cuts fall anywhere among them. */
const FORMAT_STEPS = 5000;
const KEEP_PERCENT = [0, 50, 90, 100];

export async function formatCuts(bench: PowerCutBench, report: CampaignReport): Promise<void> {
  const { random } = bench;
  const rounds = Math.max(5, Math.round(bench.cuts / 10));
  const disk = newDisk(bench, 'format-cuts', DISK_BYTES);
  let [cut, whole, none] = [0, 0, 0];
  await report.check(`${rounds} power cuts while a store is formatted`, async () => {
    while (cut < rounds) {
      await disk.powerOn();
      const store = path.join(disk.mountPoint, `store-${random.bits()}`);
      disk.control.write('flushMicrosecondsMax', 100);
      disk.control.write('stepsToCut', random.between(1, FORMAT_STEPS));
      const failure = await attempt(bench, 'format', store);
      if (disk.isOn) disk.cut();
      else cut++;
      if (failure !== undefined && failure !== ErrorCode.storeIo) throw new Error(`format says ${failure}`);
      await eventually('the power is off', () => !disk.isOn || undefined);
      await disk.powerOff();
      disk.drawLots(random.bits(), random.pick(KEEP_PERCENT));
      await disk.powerOn();
      const found = await attempt(bench, 'open', store);
      if (found === undefined) whole++;
      else none++;
      if (failure === undefined && found !== undefined) throw new Error(`formatted, and then ${found}`);
      if (found !== undefined && found !== ErrorCode.storeMissing) throw new Error(`open says ${found}`);
      if (found !== undefined) {
        await formatSmallStore(bench, store);
        const again = await attempt(bench, 'open', store);
        if (again !== undefined) throw new Error(`formatted again, and then ${again}`);
      }
      fs.rmSync(store, { recursive: true });
      await disk.powerOff();
    }
    return `then ${whole} times a whole store, ${none} times none, and formatted again`;
  });
}
