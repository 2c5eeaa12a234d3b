/** An expected error: its message tells the user what to do, so the program prints no stack. */
export class Failure extends Error {}
