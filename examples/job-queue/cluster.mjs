/** Where the replicas listen, and what their logs lie on. All programs of the cluster share this file. */
export const addresses = new Map([1, 2, 3].map((id) => [id, `unix:stores/${id}/socket`]));
export const storage = { mode: 'emulated' };
