/**
 * A read as an application makes it: during a change of the leader it may be answered *not executed*, which
 * means that asking again is safe. Anything else is an error.
 */
export async function retried<T>(read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error as Error).message.startsWith('TRYAGAIN not executed')) throw error;
    }
  }
}
