import type { Kind } from './kinds.ts';

/** The error for a value that could not come back equal. The message names the path and the type of the part. */
export class ValueError extends Error {
  override get name(): string {
    return 'ValueError';
  }
}

/** A container and the key of the next step: in a Map the index of a `[key, value]` row, in a Set that of an item. */
export interface Step {
  readonly kind: Kind;
  key: string | number;
}

/** The maximum number of steps of a path, and of UTF-16 code units of a step, that an error shows. */
const STEPS_SHOWN = 16;
const STEP_SHOWN = 64;

/** Formats a path for an error, such as `$.items[3]<value 0>`. */
export function pathOf(steps: readonly Step[]): string {
  const shown = steps.slice(0, STEPS_SHOWN).map(({ kind, key }, at) => {
    if (kind === 'Map') return `<${steps[at + 1]?.key === 0 ? 'key' : 'value'} ${key}>`;
    if (kind === 'Set') return `<item ${key}>`;
    // The step of the Map has already shown whether this is its key or its value.
    if (kind === 'Array') return steps[at - 1]?.kind === 'Map' ? '' : `[${key}]`;
    const name = String(key);
    if (/^[A-Za-z_$][\w$]{0,63}$/.test(name)) return `.${name}`;
    return `[${JSON.stringify(name.length > STEP_SHOWN ? `${name.slice(0, STEP_SHOWN)}…` : name)}]`;
  });
  return `$${shown.join('')}${steps.length > STEPS_SHOWN ? '…' : ''}`;
}
