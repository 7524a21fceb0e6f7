/** The directed schedules, on the core as it is. */
import { test } from 'vitest';
import { schedules } from './schedules/all.js';

for (const { name, run } of schedules) test(name, run);
