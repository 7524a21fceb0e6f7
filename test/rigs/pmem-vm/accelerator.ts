/** Whether the guest can run on this machine's processor, or has to be emulated. */
import fs from 'node:fs';
import type { Accelerator } from './virtual-machine.js';

/** The modules that run a guest's kernel as it is; with others, /dev/kvm may be there and not do. */
const HARDWARE_MODULES = ['kvm_intel', 'kvm_amd'];

export function chooseAccelerator(): Accelerator {
  const isLoaded = HARDWARE_MODULES.some((name) => fs.existsSync(`/sys/module/${name}`));
  try {
    fs.accessSync('/dev/kvm', fs.constants.R_OK | fs.constants.W_OK);
    return isLoaded ? 'kvm' : 'tcg';
  } catch {
    return 'tcg';
  }
}
