/**
 * Every public call at every moment: what is promised to come of it. There is no replica before `open` has
 * resolved, so that nothing can be called earlier.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { CALLS, type Call, endMoment, MOMENTS, type Moment, type MomentName } from './api-moments.js';

afterEach(endMoment);

const STOPPED = 'ERR_INDELIBLE_STOPPED';
const SERVES: Record<Call, string> = {
  propose: 'done',
  read: 'done',
  'read, local': 'done',
  'a barrier': 'done',
  checkpoint: 'done',
  close: 'done',
  status: 'returns',
  'the properties': 'returns',
  submit: 'done',
  query: 'done',
  skip: 'ERR_INDELIBLE_NOT_HALTED',
  abandon: 'returns',
  flush: 'returns',
};
const OVER: Record<Call, string> = {
  ...SERVES,
  propose: STOPPED,
  read: STOPPED,
  'read, local': STOPPED,
  'a barrier': STOPPED,
  checkpoint: STOPPED,
  skip: STOPPED,
  submit: `throws ${STOPPED}`,
  query: `throws ${STOPPED}`,
};

const HALT = 'ERR_INDELIBLE_HALTED';
const HALTED: Record<Call, string> = {
  ...SERVES,
  propose: HALT,
  read: HALT,
  'read, local': HALT,
  'a barrier': HALT,
  checkpoint: HALT,
  submit: `throws ${HALT}`,
  query: `throws ${HALT}`,
};
const FOLLOWS: Record<Call, string> = { ...SERVES, skip: 'ERR_INDELIBLE_NOT_EXECUTED' };

const PROMISED: Record<MomentName, Record<Call, string>> = {
  leading: SERVES,
  'leading three': SERVES,
  following: FOLLOWS,
  'alone, of three': {
    ...SERVES,
    // It waits for a session, and so is never proposed.
    propose: 'ERR_INDELIBLE_NOT_EXECUTED',
    read: 'ERR_INDELIBLE_NOT_EXECUTED',
    'a barrier': 'ERR_INDELIBLE_STALE',
    submit: 'not executed',
    query: 'not executed',
  },
  halted: { ...HALTED, skip: 'done' },
  'with a full log': {
    ...SERVES,
    propose: 'ERR_INDELIBLE_NOT_EXECUTED',
    checkpoint: 'ERR_INDELIBLE_STATE_MACHINE',
    submit: 'not executed',
  },
  closing: OVER,
  closed: OVER,
  'inside an outcome of a command': SERVES,
  'inside a drain': SERVES,
  'inside an outcome of a query': SERVES,
  'inside execute': SERVES,
  'inside query': SERVES,
  "inside the state machine's checkpoint": SERVES,
  'inside a listener of checkpoint': SERVES,
  'inside a listener of peer': SERVES,
  'inside a listener of role': FOLLOWS,
  'inside a listener of damage': SERVES,
  'inside a listener of clock': SERVES,
  'inside a listener of transfer': SERVES,
  'inside a listener of disk': SERVES,
  'inside a listener of halted': { ...HALTED, skip: 'done' },
  'inside a listener of failure': OVER,
};

describe.each(Object.keys(PROMISED) as MomentName[])('%s', (moment) => {
  const bring: Moment = MOMENTS[moment];
  it.each(Object.entries(PROMISED[moment]) as [Call, string][])('%s: %s', async (call, promised) => {
    expect(await bring(CALLS[call])).toBe(promised);
  });
});
