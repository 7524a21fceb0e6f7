/**
 * A region on memory that forgets at power loss, as mode `emulated` has it: a fence makes nothing durable
 * there, and a power cut leaves any mixture of what was stored since the region was last settled as a whole.
 * Then only an orderly close may be believed: whatever was in use when the machine went down is lost, and
 * says so.
 */
import { Random } from '../simulation/random.js';
import { openRecording } from '../storage/pmem-recording.js';
import type { HistoryOptions, HistoryResult } from './history.js';
import { LogRig } from './log-rig.js';

const LOG_BYTES = 64 << 10;
const GROUPS = 5;

export function volatileWorkload(options: HistoryOptions): HistoryResult {
  const rig = new LogRig('volatile', options);
  const random = new Random(options.seed);
  rig.forgets = true;
  rig.begin(LOG_BYTES, random.pick(['two-fence', 'fused']));
  for (let life = 1; life <= 2; life++) {
    for (let group = 1; group <= GROUPS; group++) {
      const slot = life * GROUPS + group;
      const votes = [{ slot, ballot: slot, lengthBytes: random.below(200) }];
      rig.step('append', () => rig.append({ promise: group % 2 === 0 ? slot : 0, votes }, slot - 1));
    }
    rig.step('trim', () => rig.trim(life * GROUPS + 1));
    rig.close();
    if (rig.violation !== undefined) break;
    const image = rig.recording.durableImage();
    const { storage, recording } = openRecording({ image, volatile: 'came back' });
    const why = rig.expectation.violation(storage);
    if (why !== undefined) rig.blame('close', `after an orderly close and a power cut: ${why}`);
    recording.release();
    rig.step('open', () => rig.open(image, 'two-fence'));
  }
  return rig.result();
}
