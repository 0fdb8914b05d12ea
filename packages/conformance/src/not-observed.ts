/** Thrown by a test that had no chance to see what its statement speaks of, e.g. because the broker sends no Reason Strings. */
export class NotObserved extends Error {
  override readonly name = 'NotObserved';
}
