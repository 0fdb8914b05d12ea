/** Another broker has the store, or it did not take what was recorded: this one acknowledges nothing any more. Its message is one line for the operator. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}
