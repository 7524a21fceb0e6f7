import { formatMemory, MemoryDisk, type MemoryStorage, openMemory } from '../../lib/storage/memory.js';
import { storageContract } from '../contract/storage.js';

storageContract<MemoryDisk>('memory', {
  async format(shape) {
    const disk = new MemoryDisk();
    formatMemory(disk, shape);
    return disk;
  },
  async formatAgain(disk, shape) {
    formatMemory(disk, shape);
  },
  async open(disk) {
    return openMemory(disk);
  },
  async nowhere() {
    return new MemoryDisk();
  },
  async crash(storage, disk) {
    (storage as MemoryStorage).crash();
    return disk;
  },
  failNext(storage) {
    (storage as MemoryStorage).failNext();
  },
});
