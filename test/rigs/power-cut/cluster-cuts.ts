/** A whole cluster on one disk, as behind one power supply: cut, started again, and nothing is missing. */
import type { CampaignReport } from '../../service/campaign.js';
import { eventually } from '../../service/eventually.js';
import { newDisk, type PowerCutBench } from './bench.js';
import { DiskedCluster } from './disked-cluster.js';

const DISK_BYTES = 160 << 20;
const KEEP_PERCENT = [0, 50, 90];
const WRITES_MIN = 50;
const WRITES_SPAN = 500;
const STEPS_MAX = 2000;

export async function clusterCuts(bench: PowerCutBench, report: CampaignReport): Promise<void> {
  const { random } = bench;
  const rounds = Math.max(3, Math.round(bench.cuts / 10));
  const disk = newDisk(bench, 'cluster-cuts', DISK_BYTES);
  await disk.powerOn();
  const clustered = await DiskedCluster.start(bench, 'cluster-cuts', disk.mountPoint);
  await report.check(`${rounds} power cuts of a cluster under load`, async () => {
    let lost = 0;
    for (let round = 0; round < rounds; round++) {
      await clustered.loader.advanced(
        random.between(WRITES_MIN, WRITES_MIN + WRITES_SPAN),
        clustered.diagnose,
      );
      disk.control.write('stepsToCut', random.between(1, STEPS_MAX));
      await eventually('the power is off', () => !disk.isOn || undefined, clustered.diagnose);
      await clustered.restartOn(disk, random.bits(), random.pick(KEEP_PERCENT));
      lost += disk.control.read('settled') - disk.control.read('kept');
    }
    await clustered.loader.advanced(WRITES_MIN, clustered.diagnose);
    return `${await clustered.check()}; ${lost} unflushed sectors lost; ${clustered.loader.summary()}`;
  });
  await clustered.stop();
  await disk.powerOff();
}
