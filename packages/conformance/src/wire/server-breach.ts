/** What a server sent breaks the specification. */
export class ServerBreach extends Error {
  override readonly name = 'ServerBreach';
}
