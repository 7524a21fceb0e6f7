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
  failNext(_storage, { medium }) {
    medium.failNext('EIO');
  },
});
