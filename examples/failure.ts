/** What went wrong, in a line that needs no stack. */
export class Failure extends Error {}
