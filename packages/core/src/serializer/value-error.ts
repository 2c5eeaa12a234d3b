/** A value that could not come back equal. The message is its path and what stands there, and quotes no value. */
export class ValueError extends Error {
  override get name(): string {
    return 'ValueError';
  }
}
