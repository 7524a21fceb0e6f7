import { HEADER } from '../../lib/storage/file/group-layout.js';
import { SECTOR_BYTES } from '../../lib/storage/file/medium.js';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import { type FileStorage, formatFile, openFile } from '../../lib/storage/file.js';
import { storageContract } from '../contract/storage.js';
import { seededRandom } from './file/random.js';

const DIRECTORY = '/d/store';

/** A medium, and the randomness of its power cuts. */
interface Place {
  readonly medium: RecordingMedium;
  readonly random: () => number;
}

storageContract<Place>('file, over a recording medium, with power cuts', {
  async format(shape) {
    const medium = new RecordingMedium();
    await formatFile(DIRECTORY, shape, medium);
    return { medium, random: seededRandom(1) };
  },
  async formatAgain({ medium }, shape) {
    await formatFile(DIRECTORY, shape, medium);
  },
  async open({ medium }) {
    return openFile(DIRECTORY, medium);
  },
  async nowhere() {
    return { medium: new RecordingMedium(), random: seededRandom(1) };
  },
  async crash(storage, { medium, random }) {
    const image = medium.powerCut(random);
    await (storage as FileStorage).abandon();
    return { medium: image, random };
  },
  async rot({ medium }, bytes, where) {
    for (const name of await medium.list(DIRECTORY)) {
      const path = `${DIRECTORY}/${name}`;
      const at = Buffer.from(medium.bytesOf(path)).indexOf(bytes);
      if (at < 0) continue;
      const spoilt = where === 'bytes' ? at + 700 : at - SECTOR_BYTES + HEADER.number;
      medium.spoil(path, spoilt, Uint8Array.of(medium.bytesOf(path)[spoilt]! ^ 0x10));
    }
  },
  failNext(_storage, { medium }) {
    medium.failNext('EIO');
  },
});
