import { expect, it } from 'vitest';
import { ErrorCode, IndelibleError } from '../../lib/errors.js';
import { transportContract, until, Witness } from '../contract/transport.js';
import { SocketPlace } from './places.js';

transportContract('sockets', { place: (count) => SocketPlace.make(count) });

it('a link that is hung up is ended here, and for the other end by its peer', async () => {
  const place = await SocketPlace.make(2);
  const [one, two] = [new Witness(), new Witness()];
  const transports = [place.transport(1), place.transport(2)];
  await transports[0]!.start(one);
  await transports[1]!.start(two);
  await until(place, () => one.up.has(2) && two.up.has(1));
  transports[0]!.hangUp(2, new IndelibleError(ErrorCode.frame, 'what nobody can mean'));
  await until(place, () => one.downs > 0 && two.downs > 0);
  expect([one.ended, two.ended]).toEqual([[], [1]]);
  for (const transport of transports) await transport.close();
  await place.dispose();
});
