import { transportContract } from '../contract/transport.js';
import { SocketPlace } from './places.js';

transportContract('sockets', { place: (count) => SocketPlace.make(count) });
