/** What HELLO and INFO give as Redis's version: the one whose behaviour and texts are followed. */
export const REDIS_VERSION = '7.0.15';
